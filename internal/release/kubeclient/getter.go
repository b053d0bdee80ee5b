package kubeclient

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// A getter gives Helm its access to the cluster from a rest.Config alone.
// Helm's own (cli.New, genericclioptions) reads KUBECONFIG and HELM_* from the
// environment and might so reach another cluster.
type Getter struct {
	config    *rest.Config
	namespace string
	discovery discovery.CachedDiscoveryInterface
	Mapper    meta.ResettableRESTMapper
}

func NewGetter(config *rest.Config, namespace string) (*Getter, error) {
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a discovery client: %w", err)
	}
	cached := memory.NewMemCacheClient(client)
	return &Getter{
		config:    config,
		namespace: namespace,
		discovery: cached,
		Mapper:    restmapper.NewDeferredDiscoveryRESTMapper(cached),
	}, nil
}

func (g *Getter) ToRESTConfig() (*rest.Config, error) { return g.config, nil }

func (g *Getter) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	return g.discovery, nil
}

func (g *Getter) ToRESTMapper() (meta.RESTMapper, error) { return g.Mapper, nil }

// ToRawKubeConfigLoader is asked for the default namespace only.
func (g *Getter) ToRawKubeConfigLoader() clientcmd.ClientConfig {
	overrides := &clientcmd.ConfigOverrides{Context: api.Context{Namespace: g.namespace}}
	return clientcmd.NewDefaultClientConfig(*api.NewConfig(), overrides)
}
