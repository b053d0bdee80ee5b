package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// errNoKubeconfig says that the private kubeconfig is not there.
var errNoKubeconfig = errors.New("its kubeconfig is not there")

// RESTConfig is built from the private kubeconfig alone: KUBECONFIG, HELM_* and
// the user's current context play no part. The server must be on a loopback
// address, as kind's always is, and before anything is written its nodes must be
// this kind cluster's. Requests are not rate limited by the client;
// the API server's own fairness decides.
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
		return nil, c.notOwnedError(fmt.Sprintf("its kubeconfig points at %s, which is not on this machine", server.Host))
	}
	config.QPS = -1
	config.UserAgent = "tkdeploy"
	c.guardWrites(config)
	return config, nil
}

// Client speaks to the cluster's API server.
func (c *Cluster) Client() (kubernetes.Interface, error) {
	config, err := c.RESTConfig()
	if err != nil {
		return nil, err
	}
	return c.client(config)
}

// writeKubeconfig fetches the kubeconfig from the control plane. It is written
// beside its place and renamed, so that a reader never sees half of it.
func (c *Cluster) writeKubeconfig() error {
	text, err := c.provider(event.Discard).KubeConfig(c.Name, false)
	if err != nil {
		return fmt.Errorf("read the kubeconfig of cluster %s from its control plane: %w", c.Name, err)
	}
	return writePrivate(c.Kubeconfig(), []byte(text))
}

// writePrivate writes a file that only its owner can read, whole or not at all.
func writePrivate(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // fails, as it should, once renamed
	if _, err := temp.Write(data); err != nil {
		return errors.Join(err, temp.Close())
	}
	if err := temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}

// MergeKubeconfig adds the cluster to the user's own kubeconfig, which is the
// first file of $KUBECONFIG or ~/.kube/config, and returns its path. Entries of
// the cluster's name are replaced; all others and the current context stay.
func (c *Cluster) MergeKubeconfig() (string, error) {
	ours, err := clientcmd.LoadFromFile(c.Kubeconfig())
	if err != nil {
		return "", fmt.Errorf("read kubeconfig of cluster %s: %w", c.Name, err)
	}
	access := clientcmd.NewDefaultPathOptions()
	theirs, err := access.GetStartingConfig()
	if err != nil {
		return "", fmt.Errorf("read your kubeconfig: %w", err)
	}
	maps.Copy(theirs.Clusters, ours.Clusters)
	maps.Copy(theirs.AuthInfos, ours.AuthInfos)
	maps.Copy(theirs.Contexts, ours.Contexts)
	if err := clientcmd.ModifyConfig(access, *theirs, true); err != nil {
		return "", fmt.Errorf("write your kubeconfig: %w", err)
	}
	return access.GetDefaultFilename(), nil
}
