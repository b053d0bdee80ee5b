package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"tkdeploy.dev/tkdeploy/internal/cluster/userconfig"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
)

// RESTConfig reads the private kubeconfig; it ignores KUBECONFIG, HELM_* and the
// user's current context. The server must be on the engine's machine and have, at the
// first write, only nodes of this cluster; otherwise the error has class
// [fault.NotOwned]. Without a kubeconfig it has class [fault.Cluster]. Clients have no
// rate limit.
func (c *Cluster) RESTConfig() (*rest.Config, error) {
	text, err := files.Read(c.Kubeconfig(), files.ConfigLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Cluster, fmt.Errorf("cluster %s has no kubeconfig", c.Name), "create or start it: tkdeploy up --env "+c.Env)
	}
	if err != nil {
		return nil, fault.New(fault.Environment, fmt.Errorf("read kubeconfig: %w", err), "")
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(text)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig %s: %w", c.Kubeconfig(), err)
	}
	if err := c.Machine.Check(config.Host); err != nil {
		return nil, c.notOwnedError(fmt.Sprintf("kubeconfig points to %v", err), "")
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

// kubeconfigLimit bounds kind's read of a file in the control plane.
const kubeconfigLimit = 30 * time.Second

func (c *Cluster) writeKubeconfig(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, kubeconfigLimit, fmt.Errorf("no answer within %s", kubeconfigLimit))
	defer cancel()
	text, err := c.provider(event.Discard).Kubeconfig(ctx, c.Name)
	if err != nil {
		return fmt.Errorf("read the kubeconfig of cluster %s from its control plane: %w", c.Name, err)
	}
	config, err := c.Machine.Reachable(text)
	if err != nil {
		return fmt.Errorf("read the kubeconfig of cluster %s: %w", c.Name, err)
	}
	return c.write(c.Kubeconfig(), config)
}

// write writes a file in the state directory, which it claims first.
func (c *Cluster) write(path string, data []byte) error {
	if err := c.claim(); err != nil {
		return err
	}
	return writePrivate(path, data)
}

// writePrivate writes a file that only the current user can read.
func writePrivate(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return files.Write(path, data, 0o600)
}

// contextName is the name of kind's entries in a kubeconfig.
func (s Spec) contextName() string { return "kind-" + s.Name }

// MergeKubeconfig adds the cluster to the user's kubeconfig, the first existing
// file of $KUBECONFIG or ~/.kube/config, and returns its path. It replaces entries
// of the same name and keeps the current context. [Cluster.Delete] removes them.
func (c *Cluster) MergeKubeconfig() (string, error) {
	path := userconfig.Path()
	if err := c.write(c.mergedFile(), []byte(path)); err != nil {
		return "", err
	}
	return path, userconfig.Add(c.Kubeconfig())
}

// unmergeKubeconfig removes the entries that MergeKubeconfig has added. It warns if
// it cannot: they are useless, not harmful.
func (c *Cluster) unmergeKubeconfig(reporter event.Reporter) {
	path, err := files.Read(c.mergedFile(), 4<<10)
	if err != nil {
		return // never merged
	}
	if err := userconfig.Remove(c.Kubeconfig(), string(path), c.contextName()); err != nil {
		reporter.Report(event.Warn(fmt.Sprintf("context %s remains in %s: %v", c.contextName(), path, err)))
	}
}
