package engine

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
)

func addContext(t *testing.T, configDir, name, host string) string {
	t.Helper()
	id := fmt.Sprintf("%x", sha256.Sum256([]byte(name)))
	enginetest.WriteFiles(t, configDir, map[string]string{
		"contexts/meta/" + id + "/meta.json": fmt.Sprintf(`{"Name":%q,"Metadata":{},"Endpoints":{"docker":{"Host":%q,"SkipTLSVerify":false}}}`, name, host),
	})
	return id
}

func TestResolveEndpoint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	addContext(t, dir, "colima", "unix:///colima.sock")
	addContext(t, dir, "other", "unix:///other.sock")
	enginetest.WriteFiles(t, dir, map[string]string{"config.json": `{"currentContext":"colima"}`})
	for _, test := range []struct {
		name string
		env  map[string]string
		dir  string
		want string
	}{
		{"default socket", nil, t.TempDir(), "unix:///var/run/docker.sock (default socket)"},
		{"current context of the config file", nil, dir, "unix:///colima.sock (docker context colima)"},
		{"DOCKER_CONTEXT overrides the config file", map[string]string{"DOCKER_CONTEXT": "other"}, dir, "unix:///other.sock (docker context other)"},
		{"DOCKER_CONTEXT=default selects the default socket", map[string]string{"DOCKER_CONTEXT": "default"}, dir, "unix:///var/run/docker.sock (default socket)"},
		{"DOCKER_HOST overrides contexts", map[string]string{"DOCKER_HOST": "tcp://h:1", "DOCKER_CONTEXT": "other"}, dir, "tcp://h:1 (DOCKER_HOST)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e, err := resolveEndpoint(environment(test.env), test.dir)
			if err != nil || e.String() != test.want {
				t.Errorf("got %s, %v, want %s", e, err, test.want)
			}
		})
	}
}

func TestResolveEndpointWithTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	id := addContext(t, dir, "remote", "tcp://h:2376")
	certs := filepath.Join("contexts", "tls", id, "docker")
	enginetest.WriteFiles(t, dir, map[string]string{certs + "/ca.pem": ""})
	e, err := resolveEndpoint(environment(map[string]string{"DOCKER_CONTEXT": "remote"}), dir)
	if err != nil || e.certs != filepath.Join(dir, certs) {
		t.Errorf("got certs %q, %v, want %q", e.certs, err, filepath.Join(dir, certs))
	}
	env := strings.Join(e.environ(), " ")
	if want := "DOCKER_HOST=tcp://h:2376 DOCKER_CONTEXT= DOCKER_CERT_PATH=" + e.certs + " DOCKER_TLS_VERIFY=1"; env != want {
		t.Errorf("got environ %q, want %q", env, want)
	}
}

func environment(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}
