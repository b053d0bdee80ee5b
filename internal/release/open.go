package release

import (
	"fmt"
	"sync/atomic"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/kube"
	"helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"tkdeploy.dev/tkdeploy/internal/release/drift"
	"tkdeploy.dev/tkdeploy/internal/release/kubeclient"
)

// Open returns a Client. It sends no request.
func Open(t Target, o Options) (*Client, error) {
	config := rest.CopyConfig(t.Config)
	config.QPS = -1 // no client-side rate limit; the API server has its own
	config.WarningHandler = rest.NoWarnings{}
	g, writes := kubeclient.NewGate(), &atomic.Int64{}
	plain := g.Wrap(config)
	clientset, err := kubernetes.NewForConfig(plain)
	if err != nil {
		return nil, fmt.Errorf("open release %s/%s: %w", t.Namespace, t.Name, err)
	}
	live, err := dynamic.NewForConfig(plain)
	if err != nil {
		return nil, fmt.Errorf("open release %s/%s: %w", t.Namespace, t.Name, err)
	}
	get, err := kubeclient.NewGetter(kubeclient.CountWrites(plain, writes), t.Namespace)
	if err != nil {
		return nil, fmt.Errorf("open release %s/%s: %w", t.Namespace, t.Name, err)
	}
	log := &kubeclient.Log{}
	return &Client{
		name: t.Name, namespace: t.Namespace, opts: o.withDefaults(),
		helm: newHelm(get, clientset, t.Namespace, o, log),
		kube: clientset, mapper: get.Mapper,
		drift: &drift.Client{Kube: clientset, Live: live, Mapper: get.Mapper, Namespace: t.Namespace, Name: t.Name},
		gate:  g, log: log, writes: writes,
	}, nil
}

// newHelm replaces action.Configuration.Init, which reads the environment. Requests for
// records bypass the write counter.
func newHelm(get *kubeclient.Getter, clientset kubernetes.Interface, namespace string, o Options, log *kubeclient.Log) *action.Configuration {
	helmKube := kube.New(get)
	helmKube.Namespace = namespace
	helmKube.Log = log.Printf
	secrets := driver.NewSecrets(clientset.CoreV1().Secrets(namespace))
	secrets.Log = log.Printf
	return &action.Configuration{
		RESTClientGetter: get,
		KubeClient:       helmKube,
		Releases:         storage.Init(recordDriver{secrets, o.User, o.Host}),
		Log:              log.Printf,
	}
}
