package engine

import (
	"path/filepath"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files/filestest"
)

func TestConnect_unreadable(t *testing.T) {
	dir := t.TempDir()
	connect := func(env map[string]string) func() error {
		return func() error {
			_, err := Connect(t.Context(), Options{Getenv: environment(env), ConfigDir: dir})
			if fault.ClassOf(err) != fault.Environment {
				t.Errorf("got class %q, want %q", fault.ClassOf(err), fault.Environment)
			}
			return err
		}
	}
	config := filepath.Join(dir, "config.json")
	filestest.CheckRefused(t, config, connect(nil))
	filestest.CheckRefused(t, config, func() error { _, err := Auth{dir: dir}.forHost(t.Context(), "docker.io"); return err })
	id := addContext(t, dir, "colima", "unix:///colima.sock")
	filestest.CheckRefused(t, filepath.Join(dir, "contexts", "meta", id, "meta.json"), connect(map[string]string{"DOCKER_CONTEXT": "colima"}))
	for _, name := range []string{"ca.pem", "cert.pem", "key.pem"} {
		filestest.CheckRefused(t, filepath.Join(dir, name), connect(map[string]string{"DOCKER_HOST": "tcp://localhost:1", "DOCKER_TLS_VERIFY": "1"}))
	}
}
