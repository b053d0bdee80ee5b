package kindrun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
	kind "sigs.k8s.io/kind/pkg/cluster"
	"sigs.k8s.io/kind/pkg/exec"
	"sigs.k8s.io/kind/pkg/log"
)

// fakeKind runs a docker command, as kind does.
type fakeKind struct{ log log.Logger }

func (k fakeKind) Create(name string, _ ...kind.CreateOption) error {
	k.log.V(0).Infof(" • Preparing %s 📦 ...\n", name)
	k.log.V(1).Info("debug")
	k.log.Warn("deprecated")
	return exec.Command("docker", "run", name).Run()
}

func (k fakeKind) KubeConfig(name string, internal bool) (string, error) {
	lines, err := exec.OutputLines(exec.Command("docker", "exec", name))
	return fmt.Sprint(lines, internal), err
}

func (k fakeKind) CollectLogs(name, dir string) error {
	return errors.New("no logs of " + name + " in " + dir)
}

// TestServe is the child process of the other tests.
func TestServe(t *testing.T) {
	if os.Getenv("KINDRUN_TEST_CHILD") == "" {
		t.Skip("not run by Kind")
	}
	out := &writer{json: json.NewEncoder(os.Stdout)}
	if err := serve(os.Stdin, out, fakeKind{logger{out}}); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// newKind returns kind with a docker command that is a shell script.
func newKind(t *testing.T, docker string, lines *[]string) Kind {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, script := range map[string]string{"docker": docker, "tkdeploy": "exec " + self + " -test.run='^TestServe$'"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return Kind{
		Environ: []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "KINDRUN_TEST_CHILD=1"},
		Log:     recorder{lines},
		program: filepath.Join(dir, "tkdeploy"),
	}
}

type recorder struct{ lines *[]string }

func (r recorder) Info(text string) { *r.lines = append(*r.lines, text) }
func (r recorder) Warn(text string) { r.Info("warning: " + text) }

func TestKind(t *testing.T) {
	t.Parallel()
	create := Create{Config: &v1alpha4.Cluster{Name: "shop-dev"}}
	t.Run("forwards the log, and the output of a command that fails", func(t *testing.T) {
		t.Parallel()
		var lines []string
		err := newKind(t, "echo no space left on device >&2; exit 125", &lines).Create(t.Context(), create)
		var failure *Error
		if !errors.As(err, &failure) || string(failure.Output) != "no space left on device\n" || !strings.Contains(failure.Text, "docker run shop-dev") {
			t.Errorf("got %v, want the output of docker", err)
		}
		if diff := cmp.Diff([]string{"• Preparing shop-dev 📦 ...", "warning: deprecated"}, lines); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
	t.Run("serves two engines in one process", func(t *testing.T) {
		t.Parallel()
		for _, host := range []string{"tcp://a", "tcp://b"} {
			k := newKind(t, `echo "$DOCKER_HOST $*"`, new([]string))
			k.Environ = append(k.Environ, "DOCKER_HOST="+host)
			if err := k.Create(t.Context(), create); err != nil {
				t.Error(err)
			}
			got, err := k.Kubeconfig(t.Context(), "shop-dev")
			if want := "[" + host + " exec shop-dev] false"; err != nil || got != want {
				t.Errorf("got %q, %v, want %q", got, err, want)
			}
		}
	})
	t.Run("returns the error of a call without a command", func(t *testing.T) {
		t.Parallel()
		err := newKind(t, "", new([]string)).CollectLogs(t.Context(), "shop-dev", "/logs")
		if err == nil || err.Error() != "no logs of shop-dev in /logs" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("ends with its context", func(t *testing.T) {
		t.Parallel()
		cause := errors.New("too late")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 200*time.Millisecond, cause)
		defer cancel()
		if _, err := newKind(t, "exec sleep 60", new([]string)).Kubeconfig(ctx, "shop-dev"); !errors.Is(err, cause) {
			t.Errorf("got %v, want %v", err, cause)
		}
	})
	t.Run("reports a child that ends without a result", func(t *testing.T) {
		t.Parallel()
		k := newKind(t, "", new([]string))
		k.program = "/bin/false"
		if err := k.Create(t.Context(), create); err == nil || !strings.Contains(err.Error(), "it ended without a result") {
			t.Errorf("got %v", err)
		}
	})
}

func TestServe_abandoned(t *testing.T) {
	t.Parallel()
	stdin, parent := io.Pipe()
	silent := make(chan struct{})
	defer close(silent)
	done := make(chan error, 1)
	go func() { done <- serve(stdin, &writer{json: json.NewEncoder(io.Discard)}, hanging{silent: silent}) }()
	if _, err := io.WriteString(parent, `{"Kubeconfig":"shop-dev"}`+"\n"); err != nil {
		t.Fatal(err)
	}
	_ = parent.Close()
	if err := <-done; err == nil || !strings.Contains(err.Error(), "the run has ended") {
		t.Errorf("got %v", err)
	}
}

type hanging struct {
	provider
	silent chan struct{}
}

func (h hanging) KubeConfig(string, bool) (string, error) { <-h.silent; return "", nil }
