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
	"tkdeploy.dev/tkdeploy/internal/release/helmkube"
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
	compare := &drift.Client{Kube: clientset, Live: live, Mapper: get.Mapper, Namespace: t.Namespace, Name: t.Name}
	c := &Client{
		name: t.Name, namespace: t.Namespace, opts: o.withDefaults(),
		kube: clientset, mapper: get.Mapper,
		drift: compare, crds: &crds.Client{Drift: compare},
		gate: g, log: &kubeclient.Log{}, writes: writes,
	}
	if err := c.openHelm(get); err != nil {
		return nil, fmt.Errorf("open release %s: %w", c, err)
	}
	return c, nil
}

// openHelm lets Helm initialize its configuration, so that no function is missing, and
// replaces the clients. Requests for records bypass the write counter.
func (c *Client) openHelm(get *kubeclient.Getter) error {
	c.helm = &action.Configuration{}
	if err := c.helm.Init(get, c.namespace, "secrets", c.log.Printf); err != nil {
		return err
	}
	helmKube := kube.New(get)
	helmKube.Namespace, helmKube.Log = c.namespace, c.log.Printf
	c.actions = helmkube.New(helmKube, c.drift.Own, c.opts.WatchHook, c.writes)
	c.actions.Secrets, c.actions.KeptReplicas = c.opts.Secrets, c.drift.KeptReplicas
	c.helm.KubeClient = c.actions
	c.helm.HookOutputFunc = c.actions.HookOutput
	secrets := driver.NewSecrets(c.kube.CoreV1().Secrets(c.namespace))
	secrets.Log = c.log.Printf
	c.helm.Releases = storage.Init(recordDriver{secrets, c.opts.User, c.opts.Host})
	return nil
}
