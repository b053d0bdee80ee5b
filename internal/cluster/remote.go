package cluster

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"k8s.io/client-go/tools/clientcmd"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
)

// isRemote reports whether the engine is on another machine (docs/adr/0028).
func (s Spec) isRemote() bool { return s.EngineHost != "" }

// Host returns where the ports are published: "localhost", or the engine's machine.
func (s Spec) Host() string { return cmp.Or(s.EngineHost, "localhost") }

func (s Spec) listenAddress() string {
	if !s.isRemote() {
		return "127.0.0.1"
	}
	if ip := net.ParseIP(s.EngineHost); ip != nil && ip.To4() == nil {
		return "::"
	}
	return "0.0.0.0"
}

// isServer reports whether host is that of the cluster's API server.
func (s Spec) isServer(host string) bool {
	if s.isRemote() {
		return host == s.EngineHost
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// reachable replaces the address on which the engine's machine listens. kind's
// certificate has the name localhost, but not that of the machine.
func (s Spec) reachable(kubeconfig string) ([]byte, error) {
	if !s.isRemote() {
		return []byte(kubeconfig), nil
	}
	config, err := clientcmd.Load([]byte(kubeconfig))
	if err != nil {
		return nil, err
	}
	for _, cluster := range config.Clusters {
		server, err := url.Parse(cluster.Server)
		if err != nil {
			return nil, err
		}
		server.Host = net.JoinHostPort(s.EngineHost, server.Port())
		cluster.Server, cluster.TLSServerName = server.String(), "localhost"
	}
	return clientcmd.Write(*config)
}

func (s Spec) remoteDataFile() string { return filepath.Join(s.StateDir, "data-on-engine") }

// remoteData returns the directory of the volumes on the engine's machine, or "". Only
// the owner's state directory has its random name.
func (s Spec) remoteData() (string, error) {
	text, err := files.Read(s.remoteDataFile(), 4<<10)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fault.New(fault.Environment, fmt.Errorf("find the data of cluster %s on %s: %w", s.Name, s.EngineHost, err), "")
	}
	return strings.TrimSpace(string(text)), nil
}

// claimRemoteData chooses a directory that the engine can write to. The engine creates
// it with the first node.
func (c *Cluster) claimRemoteData(ctx context.Context) (string, error) {
	data, err := c.remoteData()
	if err != nil || data != "" {
		return data, err
	}
	root, err := c.dockerOutput(ctx, "info", "--format", "{{.DockerRootDir}}")
	if err != nil {
		return "", fault.New(fault.Environment, err, "")
	}
	data = path.Join(root, "tkdeploy", c.Name+"-"+rand.Text())
	return data, c.write(c.remoteDataFile(), []byte(data+"\n"))
}

// deleteRemoteVolumes removes the data on the engine's machine.
func (c *Cluster) deleteRemoteVolumes(ctx context.Context, reporter event.Reporter) error {
	data, err := c.remoteData()
	if err != nil || data == "" {
		return err
	}
	reporter.Report(event.Progress(c.Name, "deleting volumes"))
	images, err := c.stopWriters(ctx)
	if err != nil {
		return err
	}
	err = c.runFind(ctx, images, path.Dir(data), "-depth", "-path", "/volumes/"+path.Base(data)+"*", "-delete")
	if err != nil && !isMissing(err) { // no node was created
		return fmt.Errorf("delete the volumes in %s on %s: %w", data, c.EngineHost, err)
	}
	return nil
}
