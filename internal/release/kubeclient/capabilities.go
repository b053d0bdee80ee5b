package kubeclient

import (
	"fmt"

	"helm.sh/helm/v3/pkg/action"
	"k8s.io/client-go/discovery"
)

// Capabilities returns the version of the cluster, such as "v1.37.0", and its API versions
// and kinds in the form of Helm's .Capabilities.APIVersions.
func Capabilities(client discovery.DiscoveryInterface) (version string, apis []string, err error) {
	server, err := client.ServerVersion()
	if err != nil {
		return "", nil, fmt.Errorf("read the version of the cluster: %w", err)
	}
	apis, err = action.GetVersionSet(client)
	if err != nil {
		return "", nil, fmt.Errorf("list the APIs of the cluster: %w", err)
	}
	return server.GitVersion, apis, nil
}
