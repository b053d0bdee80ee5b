//go:build e2e

package e2e

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The addresses of this machine and of the network namespace (TEST-NET-2, RFC 5737).
const (
	engineHost = "198.51.100.1"
	otherHost  = "198.51.100.2"
)

// TestRemote runs tkdeploy in a network namespace, from which the engine is on another
// machine: no socket of this machine's loopback address is reachable.
func TestRemote(t *testing.T) {
	release := useEngine(t)
	defer release()
	namespace := addNetworkNamespace(t) // before the project, whose cleanup needs it
	address := forwardEngine(t)
	p := newShop(t, "shop-remote-e2e", "24085")
	p.url = "http://" + engineHost + ":24085/health"
	p.extraEnv = append(p.extraEnv, "DOCKER_HOST=tcp://"+address, "DOCKER_CONTEXT=")
	p.wrapper = []string{"ip", "netns", "exec", namespace}

	p.run(t, "up").wantExit(t, 0).wantStderr(t, "the ports of cluster shop-remote-e2e are open on all addresses of "+engineHost)
	p.wantServing(t)
	wantContains(t, "status", p.run(t, "status").wantExit(t, 0).stdout, "http://"+engineHost+":24085")
	if got := p.run(t, "up", "--output", "json").wantExit(t, 0).finished(t); got.Changes != 0 {
		t.Errorf("second up: got %d changes, want 0", got.Changes)
	}
	p.run(t, "verify").wantExit(t, 0)

	t.Run("refuses another state directory", func(t *testing.T) {
		other := *p
		other.state = t.TempDir()
		other.run(t, "up").wantExit(t, 5).wantStderr(t, "belongs to shop/test of another user or state directory")
	})
	t.Run("keeps the data on the engine's machine until down --volumes", func(t *testing.T) {
		record := p.keptPaths(t, "data-on-engine")
		if len(record) != 1 {
			t.Fatalf("got records %v, want one", record)
		}
		data := strings.TrimSpace(readFile(t, record[0]))
		exists := func() bool { _, err := os.Stat(filepath.Join(data, "volumes")); return err == nil }
		p.run(t, "down").wantExit(t, 0)
		if !exists() {
			t.Errorf("down: %s does not exist", data)
		}
		p.run(t, "down", "--volumes").wantExit(t, 0)
		if exists() {
			t.Errorf("down --volumes: %s exists", data)
		}
	})
}

// TestRemote_unreachable needs no ssh server.
func TestRemote_unreachable(t *testing.T) {
	p := newShop(t, "shop-unreachable-e2e", "24086")
	r := p.withEnv("DOCKER_HOST=ssh://nobody@127.0.0.1:1").run(t, "up").wantExit(t, 4)
	r.wantStderr(t, "connect to the Docker engine at ssh://nobody@127.0.0.1:1", "docker --host ssh://nobody@127.0.0.1:1 version")
}

func addNetworkNamespace(t *testing.T) string {
	t.Helper()
	const name, link = "tkdeploy-e2e", "tkdeploy-e2e"
	ip := func(line string) { t.Helper(); command(t, "ip", strings.Fields(line)...) }
	if found := command(t, "ip", "netns", "list"); strings.Contains(found, name) { // of a killed run
		ip("netns del " + name)
	}
	ip("netns add " + name)
	t.Cleanup(func() {
		if out, err := exec.CommandContext(context.Background(), "ip", "netns", "del", name).CombinedOutput(); err != nil {
			t.Errorf("ip netns del: %v: %s", err, out)
		}
	})
	ip("link add " + link + " type veth peer name eth0 netns " + name)
	ip("addr add " + engineHost + "/30 dev " + link)
	ip("link set " + link + " up")
	ip("-netns " + name + " addr add " + otherHost + "/30 dev eth0")
	ip("-netns " + name + " link set eth0 up")
	ip("-netns " + name + " link set lo up")
	ip("-netns " + name + " route add default via " + engineHost)
	return name
}

// forwardEngine serves the engine's socket over TCP and returns the address.
func forwardEngine(t *testing.T) string {
	t.Helper()
	socket := strings.TrimPrefix(docker(t, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"), "unix://")
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", engineHost+":0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			client, err := listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				go forward(client.(*net.TCPConn), socket)
			}
		}
	}()
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

func forward(client *net.TCPConn, socket string) {
	defer client.Close()
	engine, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	defer engine.Close()
	go func() {
		_, _ = io.Copy(engine, client)
		_ = engine.(*net.UnixConn).CloseWrite()
	}()
	_, _ = io.Copy(client, engine)
}
