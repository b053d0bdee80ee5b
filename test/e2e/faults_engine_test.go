//go:build e2e

package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const engineSocket = "/var/run/docker.sock"

func (p *project) testNoEngine(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "docker.sock")
	p.withEnv("DOCKER_HOST=unix://"+socket).run(t, "up").wantExit(t, 4).wantStderr(t, socket, "hint:").wantWithin(t, 6*time.Second)
}

func (p *project) testNoPermission(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: only root can switch to another user; internal/engine has a unit test for it")
	}
	command(t, "chmod", "-R", "a+rX", filepath.Dir(p.dir)) // for the other user
	out := command(t, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "HOME=/nonexistent",
		"XDG_STATE_HOME="+p.state, "sh", "-c", "cd "+p.dir+"; "+binary(t)+" up --env test 2>&1; echo exit $?")
	if !strings.Contains(out, "permission") || !strings.Contains(out, "exit 4") || strings.Contains(out, "not running") {
		t.Errorf("got:\n%s\nwant exit 4 with a missing permission, not \"not running\"", out)
	}
}

// testDockerContext hides the default socket and sets a Docker context with another, which
// cluster, build and load must use.
func (p *project) testDockerContext(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: only root can hide the engine's socket from a process")
	}
	dir := t.TempDir()
	socket := filepath.Join(dir, "other.sock")
	connections := proxySocket(t, socket, engineSocket)
	id := sha256.Sum256([]byte("other"))
	writeFile(t, filepath.Join(dir, "config.json"), `{"currentContext":"other"}`)
	writeFile(t, filepath.Join(dir, "contexts", "meta", hex.EncodeToString(id[:]), "meta.json"),
		`{"Name":"other","Metadata":{},"Endpoints":{"docker":{"Host":"unix://`+socket+`","SkipTLSVerify":false}}}`)

	p.run(t, "down").wantExit(t, 0)
	p.changeSource(t)
	other := p.withEnv("DOCKER_CONFIG="+dir, "DOCKER_HOST=")
	other.wrapper = []string{"unshare", "--mount", "sh", "-c", `mount --bind /dev/null ` + engineSocket + ` && exec "$@"`, "sh"}
	other.run(t, "up").wantExit(t, 0)
	p.wantServing(t)
	if n := connections.Load(); n == 0 {
		t.Error("got 0 connections to the socket of the Docker context, want some")
	}
}

func proxySocket(t *testing.T, from, to string) *atomic.Int32 {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "unix", from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	var connections atomic.Int32
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil { // closed
				return
			}
			connections.Add(1)
			go proxyConnection(client, to)
		}
	}()
	return &connections
}

func proxyConnection(client net.Conn, to string) {
	defer client.Close()
	server, err := (&net.Dialer{}).DialContext(context.Background(), "unix", to)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client)
		_ = server.(*net.UnixConn).CloseWrite()
	}()
	_, _ = io.Copy(client, server)
}

func (p *project) testPortInUse(t *testing.T) {
	stop := listen(t, "127.0.0.1:24080")
	defer stop()
	p.run(t, "up", "--only", "cluster").wantExit(t, 4).wantStderr(t, "host port 24080 is in use")
	p.wantNoContainers(t)
}
