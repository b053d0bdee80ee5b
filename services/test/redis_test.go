package test

import (
	"log/slog"
	"net"
	"os/exec"
	"testing"
	"time"

	"tkdeploy.dev/tiktok/internal/redisdb"
)

type redisServer struct {
	addr string
	cmd  *exec.Cmd
}

// newRedis reserves an address. It skips the test if Redis is not installed.
func newRedis(t *testing.T) *redisServer {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skipf("Redis not installed (Debian: apt-get install redis-server): %v", err)
	}
	r := &redisServer{addr: net.JoinHostPort("127.0.0.1", freePort(t))}
	t.Cleanup(func() { r.stop(t) })
	return r
}

func (r *redisServer) start(t *testing.T) {
	t.Helper()
	host, port, err := net.SplitHostPort(r.addr)
	if err != nil {
		t.Fatal(err)
	}
	r.cmd = exec.Command("redis-server", "--bind", host, "--port", port, "--save", "", "--dir", t.TempDir())
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	client := redisdb.Open(r.addr, "test", slog.New(slog.DiscardHandler))
	defer func() { _ = client.Close() }()
	deadline := time.Now().Add(30 * time.Second)
	for err := client.Ping(t.Context()).Err(); err != nil; err = client.Ping(t.Context()).Err() {
		if time.Now().After(deadline) {
			t.Fatalf("timed out waiting for Redis: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (r *redisServer) stop(t *testing.T) {
	t.Helper()
	if r.cmd == nil {
		return
	}
	if err := r.cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = r.cmd.Wait()
	r.cmd = nil
}
