package doctor

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
)

// findSockets returns the sockets of engines that DOCKER_HOST and the Docker context do
// not select, each with what tkdeploy can do with it.
func findSockets(root string, getenv func(string) string) []string {
	runtime, home := cmp.Or(getenv("XDG_RUNTIME_DIR"), fmt.Sprintf("/run/user/%d", os.Getuid())), getenv("HOME")
	var found []string
	for _, candidate := range []struct{ path, use string }{
		{filepath.Join(runtime, "docker.sock"), "rootless Docker: set DOCKER_HOST=unix://"},
		{filepath.Join(home, ".docker/desktop/docker.sock"), "Docker Desktop: set DOCKER_HOST=unix://"},
		{filepath.Join(home, ".docker/run/docker.sock"), "Docker Desktop: set DOCKER_HOST=unix://"},
		{filepath.Join(home, ".colima/default/docker.sock"), "colima: set DOCKER_HOST=unix://"},
		{filepath.Join(home, ".rd/docker.sock"), "Rancher Desktop: set DOCKER_HOST=unix://"},
		{filepath.Join(runtime, "podman/podman.sock"), "Podman, which is not supported: "},
		{"/run/podman/podman.sock", "Podman, which is not supported: "},
		{filepath.Join(runtime, "containerd-rootless/api.sock"), "rootless containerd (nerdctl), which is not supported: "},
		{"/run/containerd/containerd.sock", "containerd (nerdctl), which has no Docker API and is not supported: "},
	} {
		info, err := os.Stat(filepath.Join(root, candidate.path))
		if err == nil && info.Mode()&os.ModeSocket != 0 {
			found = append(found, candidate.use+candidate.path)
		}
	}
	return found
}
