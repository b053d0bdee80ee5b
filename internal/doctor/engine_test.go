package doctor

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheckDockerCLI(t *testing.T) {
	for name, test := range map[string]struct {
		output string
		status Status
	}{
		"docker":              {"Docker version 29.8.2, build 0a1b2c3", OK},
		"Podman as docker":    {"podman version 5.4.2", Fail},
		"nerdctl as docker":   {"nerdctl version 2.2.0", Fail},
		"a command that ends": {"", Fail},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "docker"), []byte("#!/bin/sh\necho '"+test.output+"'\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", dir)
			got := checkDockerCLI(t.Context())
			if got.Status != test.status || test.status == Fail && !strings.Contains(got.Message, "is not the docker CLI") {
				t.Errorf("got %+v, want status %s", got, test.status)
			}
		})
	}
}

func TestFindSockets(t *testing.T) {
	t.Parallel()
	root, err := os.MkdirTemp("", "s") // socket paths have a length limit
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	for _, path := range []string{"/run/docker.sock", "/u/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock"} {
		if err := os.MkdirAll(filepath.Dir(root+path), 0o700); err != nil {
			t.Fatal(err)
		}
		socket, err := new(net.ListenConfig).Listen(t.Context(), "unix", root+path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = socket.Close() })
	}
	env := map[string]string{"XDG_RUNTIME_DIR": "/u", "HOME": "/h"}
	want := []string{
		"rootless Docker: set DOCKER_HOST=unix:///u/docker.sock",
		"Podman, which is not supported: /run/podman/podman.sock",
		"containerd (nerdctl), which has no Docker API and is not supported: /run/containerd/containerd.sock",
	}
	if diff := cmp.Diff(want, findSockets(root, func(name string) string { return env[name] })); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
