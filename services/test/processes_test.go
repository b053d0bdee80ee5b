package test

import (
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"tkdeploy.dev/tiktok/internal/postgres"
)

// startServices starts the services with only the environment of the chart.
func startServices(t *testing.T, database postgres.Config, redisAddr string) (auth, gateway *process) {
	t.Helper()
	bin, grpc := t.TempDir(), freePort(t)
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "../auth-service", "../api-gateway")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", build, err, output)
	}
	env := []string{
		"DB_HOST=" + database.Host, "DB_PORT=" + database.Port, "DB_NAME=" + database.Name,
		"DB_USER=" + database.User, "DB_PASSWORD=" + database.Password,
		"JWT_ACCESS_SECRET=" + strings.Repeat("s", 32), "REDIS_ADDR=" + redisAddr,
		"AUTH_SERVICE_ADDR=localhost:" + grpc, "GRPC_PORT=" + grpc, "DRAIN=2s", "RATE_LIMIT=20",
		"AUTH_SERVICE_PORT=tcp://10.0.0.1:5001", "AUTH_SERVICE_SERVICE_PORT=5001", // as Kubernetes does
	}
	return startProcess(t, filepath.Join(bin, "auth-service"), env), startProcess(t, filepath.Join(bin, "api-gateway"), env)
}

type process struct {
	name, port string
	cmd        *exec.Cmd
	log        *buffer
	exited     chan struct{}
}

// buffer is a log for concurrent use.
type buffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func startProcess(t *testing.T, path string, env []string) *process {
	t.Helper()
	p := &process{name: filepath.Base(path), port: freePort(t), log: &buffer{}, exited: make(chan struct{})}
	p.cmd = exec.Command(path)
	p.cmd.Env = append([]string{"PORT=" + p.port}, env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.cmd.Wait(); close(p.exited) }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // if the test has not stopped it
		<-p.exited
		if t.Failed() {
			t.Logf("log of %s:\n%s", p.name, p.log)
		}
	})
	return p
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
