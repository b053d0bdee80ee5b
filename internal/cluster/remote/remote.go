// Package remote knows the machine of an engine: where it publishes ports, and where it
// keeps the data of a cluster (docs/adr/0028).
package remote

import (
	"cmp"
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

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
)

// Machine is the name or IP address of an engine's machine; "" is this one.
type Machine string

// IsRemote reports whether the engine is on another machine.
func (m Machine) IsRemote() bool { return m != "" }

// Host returns where ports are published: "localhost" on this machine.
func (m Machine) Host() string { return cmp.Or(string(m), "localhost") }

// ListenAddress returns the address on which the machine publishes ports: only this
// machine can use its loopback address.
func (m Machine) ListenAddress() string {
	if !m.IsRemote() {
		return "127.0.0.1"
	}
	if ip := net.ParseIP(string(m)); ip != nil && ip.To4() == nil {
		return "::"
	}
	return "0.0.0.0"
}

// Check returns an error if the address of an API server is not that of the machine.
func (m Machine) Check(server string) error {
	at, err := url.Parse(server)
	if err != nil {
		return err
	}
	if m.IsRemote() {
		if at.Hostname() != string(m) {
			return fmt.Errorf("%s, which is not on the engine's machine %s", at.Host, m)
		}
		return nil
	}
	if ip := net.ParseIP(at.Hostname()); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("%s, which is not on this machine", at.Host)
	}
	return nil
}

// Reachable replaces the address on which the machine listens in kind's kubeconfig.
// kind's certificate has the name localhost, but not that of the machine.
func (m Machine) Reachable(kubeconfig string) ([]byte, error) {
	if !m.IsRemote() {
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
		server.Host = net.JoinHostPort(string(m), server.Port())
		cluster.Server, cluster.TLSServerName = server.String(), "localhost"
	}
	return clientcmd.Write(*config)
}

// NewData returns a new directory for a cluster below the engine's own, which the
// engine can write to. Its random name, which only the owner knows, proves the owner.
func NewData(engineRoot, cluster string) string {
	return path.Join(engineRoot, "tkdeploy", cluster+"-"+rand.Text())
}

// DataFile is the file of a state directory with the directory of [NewData].
func DataFile(stateDir string) string { return filepath.Join(stateDir, "data-on-engine") }

// ReadData returns the directory in [DataFile], or "".
func ReadData(stateDir string) (string, error) {
	text, err := files.Read(DataFile(stateDir), 4<<10)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fault.New(fault.Environment, fmt.Errorf("find the data on the engine's machine: %w", err), "")
	}
	return strings.TrimSpace(string(text)), nil
}

// OwnerDir and VolumesDir are in the directory of [NewData].
func OwnerDir(data string) string { return path.Join(data, "owner") }

// VolumesDir is the directory of the volumes.
func VolumesDir(data string) string { return path.Join(data, "volumes") }
