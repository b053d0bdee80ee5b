package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

func connect(t *testing.T, f *enginetest.Fake) *Engine {
	t.Helper()
	e, err := Connect(t.Context(), Options{Getenv: f.Getenv, ConfigDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func TestConnect(t *testing.T) {
	t.Parallel()
	f := enginetest.New(t)
	e := connect(t, f)
	if want := "Docker Engine 20.10.24 at unix://" + f.Socket; e.String() != want || e.Host() != "unix://"+f.Socket || e.Platform() != "linux/amd64" {
		t.Errorf("got %s, %s, %s; want %s", e, e.Host(), e.Platform(), want)
	}
}

func TestConnect_podman(t *testing.T) {
	t.Parallel()
	f := enginetest.New(t)
	f.Components = []map[string]string{{"Name": "Podman Engine", "Version": "5.4.2"}, {"Name": "Conmon"}}
	_, err := Connect(t.Context(), Options{Getenv: f.Getenv, ConfigDir: t.TempDir()})
	if fault.ClassOf(err) != fault.Environment || !strings.Contains(err.Error(), "Podman 20.10.24 at unix://"+f.Socket) || !strings.Contains(err.Error(), "not supported") {
		t.Errorf("got %v of class %q", err, fault.ClassOf(err))
	}
}

func TestConnectErrors(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("unix", filepath.Join(shortDir(t), "silent.sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	gone := filepath.Join(shortDir(t), "gone.sock")
	for _, test := range []struct {
		name string
		env  map[string]string
		want string
	}{
		{"missing socket", map[string]string{"DOCKER_HOST": "unix://" + gone}, "is not running at unix://" + gone + " (DOCKER_HOST)"},
		{"engine does not respond", map[string]string{"DOCKER_HOST": "unix://" + silent.Addr().String()}, "did not respond within 50ms"},
		{"unknown context", map[string]string{"DOCKER_CONTEXT": "nowhere"}, `docker context "nowhere", named by DOCKER_CONTEXT, does not exist`},
		{"ssh address with a password", map[string]string{"DOCKER_HOST": "ssh://me:secret@there"}, "ssh host connection is not valid"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := Connect(t.Context(), Options{Getenv: environment(test.env), ConfigDir: t.TempDir(), Timeout: 50 * time.Millisecond})
			if err == nil || !strings.Contains(err.Error(), test.want) || fault.ClassOf(err) != fault.Environment {
				t.Errorf("got %v of class %q, want %q of class %q", err, fault.ClassOf(err), test.want, fault.Environment)
			}
		})
	}
}

// Root may open any socket: as root, the test runs its binary as another user.
func TestConnectWithoutPermission(t *testing.T) {
	if socket := os.Getenv("TKDEPLOY_TEST_SOCKET"); socket != "" {
		_, err := Connect(t.Context(), Options{Getenv: environment(map[string]string{"DOCKER_HOST": "unix://" + socket}), ConfigDir: "/"})
		t.Log(err, "/", fault.HintOf(err))
		return
	}
	f := enginetest.New(t)
	if err := os.Chmod(filepath.Dir(f.Socket), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(f.Socket, 0); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestConnectWithoutPermission$", "-test.v")
	cmd.Env = append(os.Environ(), "TKDEPLOY_TEST_SOCKET="+f.Socket)
	cmd.Dir = "/"
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.CombinedOutput()
	for _, want := range []string{"no permission to use the Docker engine at unix://" + f.Socket, "usermod -aG docker"} {
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("got %v with output %s, want output with %q", err, out, want)
		}
	}
}

func TestEngine_Call(t *testing.T) {
	t.Parallel()
	f := enginetest.New(t)
	e, err := Connect(t.Context(), Options{Getenv: f.Getenv, ConfigDir: t.TempDir(), CallTimeout: 20 * time.Millisecond})
	enginetest.NoError(t, err)
	t.Cleanup(func() { _ = e.Close() })
	wait := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

	t.Run("ends a call without a response", func(t *testing.T) {
		err := e.Call(t.Context(), wait)
		if fault.ClassOf(err) != fault.Environment || !strings.Contains(err.Error(), "did not respond within 20ms") {
			t.Errorf("got %v of class %s, want a timeout of class %s", err, fault.ClassOf(err), fault.Environment)
		}
	})
	t.Run("limits the query of the ID", func(t *testing.T) {
		socket := filepath.Join(shortDir(t), "s")
		listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", socket)
		enginetest.NoError(t, err)
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/info") {
				<-r.Context().Done()
			}
			f.ServeHTTP(w, r)
		}))
		server.Listener = listener
		server.Start()
		t.Cleanup(server.Close)
		e, err := Connect(t.Context(), Options{Getenv: environment(map[string]string{"DOCKER_HOST": "unix://" + socket}), ConfigDir: t.TempDir(), CallTimeout: 20 * time.Millisecond})
		enginetest.NoError(t, err)
		t.Cleanup(func() { _ = e.Close() })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := e.ID(ctx); !strings.Contains(fmt.Sprint(err), "did not respond within 20ms") {
			t.Errorf("got %v, want a timeout", err)
		}
	})
	t.Run("returns the cancellation of the caller", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := e.Call(ctx, wait); !errors.Is(err, context.Canceled) || fault.ClassOf(err) != "" {
			t.Errorf("got %v of class %s, want %v", err, fault.ClassOf(err), context.Canceled)
		}
	})
}

func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestLocate(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"unix:///var/run/docker.sock": "unix-var-run-docker.sock ",
		"tcp://127.0.0.1:2375":        "tcp-127.0.0.1-2375 ",
		"localhost:2375":              "tcp-localhost-2375 ",
		"tcp://docker":                "tcp-docker-2375 docker",
		"tcp://[2001:db8::7]:2376":    "tcp-2001-db8-7-2376 2001:db8::7",
		"ssh://me@build.example":      "ssh-me-build.example build.example",
	} {
		at, err := Locate(Options{Getenv: environment(map[string]string{"DOCKER_HOST": host}), ConfigDir: t.TempDir()})
		if got := at.Name + " " + at.Host; err != nil || got != want || !slices.Contains(at.Environ, "DOCKER_CONTEXT=") {
			t.Errorf("%s: got %s, %v, want %s", host, got, err, want)
		}
	}
}

func TestEngine_CheckReachable(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	enginetest.NoError(t, err)
	address := listener.Addr().String()
	check := func(host string, class fault.Class) {
		t.Helper()
		if err := (&Engine{endpoint: endpoint{host: host}}).CheckReachable(t.Context()); fault.ClassOf(err) != class || (err == nil) != (class == "") {
			t.Errorf("%s: got %v of class %q, want %q", host, err, fault.ClassOf(err), class)
		}
	}
	check("ssh://me@"+address, "")
	_ = listener.Close()
	check("ssh://me@"+address, fault.Environment)
	check("ssh://alias.invalid", fault.Environment)
	check("tcp://192.0.2.7:2376", "")
}
