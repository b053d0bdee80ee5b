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
	socket := "unix:///var/run/docker.sock (default socket)"
	for _, test := range []struct {
		name  string
		env   map[string]string
		dir   string
		want  string
		certs string
	}{
		{name: "default socket", dir: t.TempDir(), want: socket},
		{name: "default address with TLS", env: map[string]string{"DOCKER_TLS": "1"}, dir: "/d", want: "tcp://localhost:2376 (default address with TLS)", certs: "/d unverified"},
		{name: "current context of the config file", dir: dir, want: "unix:///colima.sock (docker context colima)"},
		{name: "DOCKER_CONTEXT overrides the config file", env: map[string]string{"DOCKER_CONTEXT": "other"}, dir: dir, want: "unix:///other.sock (docker context other)"},
		{name: "DOCKER_CONTEXT=default selects the default socket", env: map[string]string{"DOCKER_CONTEXT": "default"}, dir: dir, want: socket},
		{name: "DOCKER_HOST overrides contexts", env: map[string]string{"DOCKER_HOST": "tcp://h:1", "DOCKER_CONTEXT": "other"}, dir: dir, want: "tcp://h:1 (DOCKER_HOST)"},
		{name: "host without scheme and port", env: map[string]string{"DOCKER_HOST": "h"}, dir: dir, want: "tcp://h:2375 (DOCKER_HOST)"},
		{name: "host without scheme", env: map[string]string{"DOCKER_HOST": "h:1"}, dir: dir, want: "tcp://h:1 (DOCKER_HOST)"},
		{name: "ssh", env: map[string]string{"DOCKER_HOST": "ssh://me@h"}, dir: dir, want: "ssh://me@h (DOCKER_HOST)"},
		{name: "DOCKER_TLS_VERIFY", env: map[string]string{"DOCKER_HOST": "tcp://h:1", "DOCKER_TLS_VERIFY": "1"}, dir: "/d", want: "tcp://h:1 (DOCKER_HOST)", certs: "/d"},
		{name: "DOCKER_TLS", env: map[string]string{"DOCKER_HOST": "tcp://h:1", "DOCKER_TLS": "1", "DOCKER_CERT_PATH": "/c"}, dir: "/d", want: "tcp://h:1 (DOCKER_HOST)", certs: "/c unverified"},
		{name: "DOCKER_CERT_PATH alone", env: map[string]string{"DOCKER_HOST": "tcp://h:1", "DOCKER_CERT_PATH": "/c"}, dir: "/d", want: "tcp://h:1 (DOCKER_HOST)"},
		{name: "a socket has no TLS", env: map[string]string{"DOCKER_HOST": "unix:///s", "DOCKER_TLS_VERIFY": "1"}, dir: "/d", want: "unix:///s (DOCKER_HOST)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e, err := resolveEndpoint(environment(test.env), test.dir)
			certs := e.certs
			if certs != "" && e.skipVerify {
				certs += " unverified"
			}
			if err != nil || e.String() != test.want || certs != test.certs {
				t.Errorf("got %s with certs %q, %v, want %s with %q", e, certs, err, test.want, test.certs)
			}
		})
	}
}

func TestEndpoint_environ(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	id := addContext(t, dir, "remote", "tcp://h:2376")
	certs := filepath.Join("contexts", "tls", id, "docker")
	enginetest.WriteFiles(t, dir, map[string]string{certs + "/ca.pem": ""})
	for name, test := range map[string]struct {
		env  map[string]string
		want string
	}{
		"a context with TLS": {
			map[string]string{"DOCKER_CONTEXT": "remote"},
			"DOCKER_HOST=tcp://h:2376 DOCKER_CONTEXT= DOCKER_CONFIG=" + dir + " DOCKER_API_VERSION= DOCKER_CERT_PATH=" + filepath.Join(dir, certs) + " DOCKER_TLS= DOCKER_TLS_VERIFY=1",
		},
		"TLS without verification": {
			map[string]string{"DOCKER_HOST": "tcp://h:1", "DOCKER_TLS": "yes"},
			"DOCKER_HOST=tcp://h:1 DOCKER_CONTEXT= DOCKER_CONFIG=" + dir + " DOCKER_API_VERSION= DOCKER_CERT_PATH=" + dir + " DOCKER_TLS=1 DOCKER_TLS_VERIFY=",
		},
		"ssh and a version": {
			map[string]string{"DOCKER_HOST": "ssh://h", "DOCKER_API_VERSION": "1.41"},
			"DOCKER_HOST=ssh://h DOCKER_CONTEXT= DOCKER_CONFIG=" + dir + " DOCKER_API_VERSION=1.41 DOCKER_CERT_PATH= DOCKER_TLS= DOCKER_TLS_VERIFY=",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := resolveEndpoint(environment(test.env), dir)
			if got := strings.Join(e.environ(), " "); err != nil || got != test.want {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
}

func environment(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}
