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

	"tkdeploy.dev/tkdeploy/internal/release/crds"
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
	compare := &drift.Client{Kube: clientset, Live: live, Mapper: get.Mapper, Namespace: t.Namespace, Name: t.Name}
	return &Client{
		name: t.Name, namespace: t.Namespace, opts: o.withDefaults(),
		helm: newHelm(get, compare, o, log),
		kube: clientset, mapper: get.Mapper,
		drift: compare, crds: &crds.Client{Drift: compare},
		gate: g, log: log, writes: writes,
	}, nil
}

// newHelm replaces action.Configuration.Init, which reads the environment. Requests for
// records bypass the write counter.
func newHelm(get *kubeclient.Getter, compare *drift.Client, o Options, log *kubeclient.Log) *action.Configuration {
	helmKube := kube.New(get)
	helmKube.Namespace = compare.Namespace
	helmKube.Log = log.Printf
	secrets := driver.NewSecrets(compare.Kube.CoreV1().Secrets(compare.Namespace))
	secrets.Log = log.Printf
	return &action.Configuration{
		RESTClientGetter: get,
		KubeClient:       kubeclient.ReplicaKeeper{Client: helmKube, Kept: compare.KeptReplicas},
		Releases:         storage.Init(recordDriver{secrets, o.User, o.Host}),
		Log:              log.Printf,
	}
}
