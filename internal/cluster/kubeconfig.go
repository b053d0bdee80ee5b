package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"tkdeploy.dev/tkdeploy/internal/event"
)

var errNoKubeconfig = errors.New("kubeconfig not found")

// RESTConfig reads the private kubeconfig; it ignores KUBECONFIG, HELM_* and the
// user's current context. The server must have a loopback address and, at the first
// write, only nodes of this cluster; otherwise the error has class
// [fault.NotOwned]. Clients have no rate limit.
func (c *Cluster) RESTConfig() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoKubeconfig
	}
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig %s: %w", c.Kubeconfig(), err)
	}
	server, err := url.Parse(config.Host)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig %s: %w", c.Kubeconfig(), err)
	}
	if ip := net.ParseIP(server.Hostname()); ip == nil || !ip.IsLoopback() {
		return nil, c.notOwnedError(fmt.Sprintf("kubeconfig points to %s, which is not on this machine", server.Host))
	}
	config.QPS = -1
	config.UserAgent = "tkdeploy"
	c.guardWrites(config)
	return config, nil
}

// Client returns an API client with [Cluster.RESTConfig].
func (c *Cluster) Client() (kubernetes.Interface, error) {
	config, err := c.RESTConfig()
	if err != nil {
		return nil, err
	}
	return c.client(config)
}

func (c *Cluster) writeKubeconfig() error {
	text, err := c.provider(event.Discard).KubeConfig(c.Name, false)
	if err != nil {
		return fmt.Errorf("read the kubeconfig of cluster %s from its control plane: %w", c.Name, err)
	}
	return writePrivate(c.Kubeconfig(), []byte(text))
}

// writePrivate atomically writes a file that only the current user can read.
func writePrivate(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // fails after a successful rename
	if _, err := temp.Write(data); err != nil {
		return errors.Join(err, temp.Close())
	}
	if err := temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}

// MergeKubeconfig adds the cluster to the user's kubeconfig, the first existing
// file of $KUBECONFIG or ~/.kube/config, and returns its path. It replaces entries
// of the same name and keeps the current context.
func (c *Cluster) MergeKubeconfig() (string, error) {
	private, err := clientcmd.LoadFromFile(c.Kubeconfig())
	if err != nil {
		return "", fmt.Errorf("read kubeconfig of cluster %s: %w", c.Name, err)
	}
	access := clientcmd.NewDefaultPathOptions()
	user, err := access.GetStartingConfig()
	if err != nil {
		return "", fmt.Errorf("read your kubeconfig: %w", err)
	}
	// ModifyConfig writes an entry back to the file it was loaded from, unless it
	// has no origin.
	for name, cluster := range private.Clusters {
		cluster.LocationOfOrigin = ""
		user.Clusters[name] = cluster
	}
	for name, authInfo := range private.AuthInfos {
		authInfo.LocationOfOrigin = ""
		user.AuthInfos[name] = authInfo
	}
	for name, context := range private.Contexts {
		context.LocationOfOrigin = ""
		user.Contexts[name] = context
	}
	if err := clientcmd.ModifyConfig(access, *user, true); err != nil {
		return "", fmt.Errorf("write your kubeconfig: %w", err)
	}
	return access.GetDefaultFilename(), nil
}
