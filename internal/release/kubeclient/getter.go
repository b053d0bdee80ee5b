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

// Getter implements Helm's RESTClientGetter.
type Getter struct {
	Mapper    meta.RESTMapper
	config    *rest.Config
	namespace string
	discovery discovery.CachedDiscoveryInterface
}

// NewGetter returns a Getter for config and a default namespace.
func NewGetter(config *rest.Config, namespace string) (*Getter, error) {
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("create discovery client: %w", err)
	}
	cached := memory.NewMemCacheClient(client)
	return &Getter{
		config:    config,
		namespace: namespace,
		discovery: cached,
		Mapper:    restmapper.NewDeferredDiscoveryRESTMapper(cached),
	}, nil
}

// ToRESTConfig returns the configuration.
func (g *Getter) ToRESTConfig() (*rest.Config, error) { return g.config, nil }

// ToDiscoveryClient returns a cached client.
func (g *Getter) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	return g.discovery, nil
}

// ToRESTMapper returns Mapper.
func (g *Getter) ToRESTMapper() (meta.RESTMapper, error) { return g.Mapper, nil }

// ToRawKubeConfigLoader returns only the namespace, which is all that Helm reads.
func (g *Getter) ToRawKubeConfigLoader() clientcmd.ClientConfig {
	overrides := &clientcmd.ConfigOverrides{Context: api.Context{Namespace: g.namespace}}
	return clientcmd.NewDefaultClientConfig(*api.NewConfig(), overrides)
}
