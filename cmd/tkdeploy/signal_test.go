package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const project = `apiVersion: tkdeploy.dev/v1
name: shop
chart: {path: chart, release: shop, namespace: shop}
environments:
  dev:
    cluster: {kind: {name: shop-dev, image: {ref: "kindest/node:v1.37.0"}}}
`

// run is `tkdeploy up` that waits for an engine.
type run struct {
	*exec.Cmd
	dir    string
	engine net.Listener // accepts connections and does not respond
	output bytes.Buffer
}

func newRun(t *testing.T, command ...string) *run {
	t.Helper()
	dir, err := os.MkdirTemp("", "up") // socket paths have a length limit
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for name, text := range map[string]string{
		"tkdeploy.yaml":          project,
		"chart/Chart.yaml":       "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
		"chart/templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := &run{Cmd: exec.CommandContext(t.Context(), command[0], command[1:]...), dir: dir}
	if r.engine, err = net.Listen("unix", filepath.Join(dir, "engine.sock")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.engine.Close() })
	r.Dir = dir
	r.Stdout, r.Stderr = &r.output, &r.output
	r.Env = append(os.Environ(), "HOME="+dir, "XDG_STATE_HOME="+filepath.Join(dir, "state"), "DOCKER_HOST=unix://"+r.engine.Addr().String())
	return r
}

// start returns once tkdeploy has connected to the engine.
func (r *run) start(t *testing.T) {
	t.Helper()
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	connection, err := r.engine.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
}

func (r *run) send(t *testing.T, signals ...syscall.Signal) {
	t.Helper()
	for _, s := range signals {
		if err := r.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
}

// wantStopped checks the exit code, and that the run has released its lock.
func (r *run) wantStopped(t *testing.T, code int) {
	t.Helper()
	begin := time.Now()
	_ = r.Wait() // the exit code suffices
	if got := r.ProcessState.ExitCode(); got != code || time.Since(begin) > 3*time.Second {
		t.Errorf("got exit code %d after %s, want %d at once:\n%s", got, time.Since(begin), code, &r.output)
	}
	locks, err := os.ReadDir(filepath.Join(r.dir, "state", "tkdeploy", "locks"))
	if err != nil || len(locks) > 0 {
		t.Errorf("got lock files %v, %v, want none", locks, err)
	}
}

func TestSignals(t *testing.T) {
	t.Parallel()
	t.Run("SIGHUP cancels the run, also if it arrives twice", func(t *testing.T) {
		t.Parallel()
		r := newRun(t, "tkdeploy", "up")
		r.start(t)
		r.send(t, syscall.SIGHUP, syscall.SIGHUP)
		r.wantStopped(t, 129)
		if !strings.Contains(r.output.String(), "stopped by hangup; run the command again to resume") {
			t.Errorf("got output:\n%s", &r.output)
		}
	})
	t.Run("nohup ignores SIGHUP", func(t *testing.T) {
		t.Parallel()
		r := newRun(t, "nohup", "tkdeploy", "up")
		r.start(t)
		r.send(t, syscall.SIGHUP, syscall.SIGTERM)
		r.wantStopped(t, 143)
	})
}

func TestClosedOutput(t *testing.T) {
	t.Parallel()
	closed := func(t *testing.T) *os.File {
		t.Helper()
		reader, writer, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		reader.Close()
		t.Cleanup(func() { writer.Close() })
		return writer
	}
	t.Run("standard output without a reader cancels the run", func(t *testing.T) {
		t.Parallel()
		r := newRun(t, "tkdeploy", "up", "--output", "json")
		r.Stdout = closed(t)
		if err := r.Start(); err != nil {
			t.Fatal(err)
		}
		r.wantStopped(t, 141)
		if !strings.Contains(r.output.String(), "the reader of its output ended") {
			t.Errorf("got standard error:\n%s", &r.output)
		}
	})
	t.Run("standard error without a reader cancels the run", func(t *testing.T) {
		t.Parallel()
		r := newRun(t, "tkdeploy", "up")
		r.Stderr = closed(t)
		r.engine.Close() // its failure is the first line
		if err := r.Start(); err != nil {
			t.Fatal(err)
		}
		r.wantStopped(t, 141)
	})
	t.Run("ends a query like any other program", func(t *testing.T) {
		t.Parallel()
		cmd := exec.CommandContext(t.Context(), "tkdeploy", "version")
		cmd.Stdout = closed(t)
		_ = cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != 141 {
			t.Errorf("got exit code %d, want 141", got)
		}
	})
}
