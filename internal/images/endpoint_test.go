package images

import (
	"crypto/sha256"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// addContext writes a docker context as the docker CLI stores it.
func addContext(t *testing.T, configDir, name, host string) string {
	t.Helper()
	id := fmt.Sprintf("%x", sha256.Sum256([]byte(name)))
	write(t, configDir, map[string]string{
		"contexts/meta/" + id + "/meta.json": fmt.Sprintf(`{"Name":%q,"Metadata":{},"Endpoints":{"docker":{"Host":%q,"SkipTLSVerify":false}}}`, name, host),
	})
	return id
}

func TestResolveEndpoint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	addContext(t, dir, "colima", "unix:///colima.sock")
	addContext(t, dir, "other", "unix:///other.sock")
	write(t, dir, map[string]string{"config.json": `{"currentContext":"colima"}`})
	for _, test := range []struct {
		name string
		env  map[string]string
		dir  string
		want string
	}{
		{"without anything it is the default socket", nil, t.TempDir(), "unix:///var/run/docker.sock (default socket)"},
		{"the config's current context counts", nil, dir, "unix:///colima.sock (docker context colima)"},
		{"DOCKER_CONTEXT wins over the config", map[string]string{"DOCKER_CONTEXT": "other"}, dir, "unix:///other.sock (docker context other)"},
		{"DOCKER_CONTEXT=default means the default socket", map[string]string{"DOCKER_CONTEXT": "default"}, dir, "unix:///var/run/docker.sock (default socket)"},
		{"DOCKER_HOST wins over every context", map[string]string{"DOCKER_HOST": "tcp://h:1", "DOCKER_CONTEXT": "other"}, dir, "tcp://h:1 (DOCKER_HOST)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e, err := resolveEndpoint(environment(test.env), test.dir)
			if err != nil || e.String() != test.want {
				t.Errorf("got %s, %v; want %s", e, err, test.want)
			}
		})
	}
}

func TestResolveEndpointWithTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	id := addContext(t, dir, "remote", "tcp://h:2376")
	certs := filepath.Join("contexts", "tls", id, "docker")
	write(t, dir, map[string]string{certs + "/ca.pem": ""})
	e, err := resolveEndpoint(environment(map[string]string{"DOCKER_CONTEXT": "remote"}), dir)
	if err != nil || e.certs != filepath.Join(dir, certs) {
		t.Errorf("certs %q, %v", e.certs, err)
	}
	env := strings.Join(e.environ(), " ")
	if want := "DOCKER_HOST=tcp://h:2376 DOCKER_CONTEXT= DOCKER_CERT_PATH=" + e.certs + " DOCKER_TLS_VERIFY=1"; env != want {
		t.Errorf("environ %q, want %q", env, want)
	}
}

func TestConnectFaults(t *testing.T) {
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
		{"a missing socket means that no engine runs", map[string]string{"DOCKER_HOST": "unix://" + gone}, "is not running at unix://" + gone + " (DOCKER_HOST)"},
		{"a silent socket is given up", map[string]string{"DOCKER_HOST": "unix://" + silent.Addr().String()}, "gave no answer within 50ms"},
		{"an unknown context is named", map[string]string{"DOCKER_CONTEXT": "nowhere"}, `docker context "nowhere", named by DOCKER_CONTEXT, does not exist`},
		{"ssh is refused with a way out", map[string]string{"DOCKER_HOST": "ssh://me@there"}, "ssh endpoints are not supported"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := Connect(t.Context(), Options{Getenv: environment(test.env), ConfigDir: t.TempDir(), Timeout: 50 * time.Millisecond})
			if err == nil || !strings.Contains(err.Error(), test.want) || fault.ClassOf(err) != fault.Environment {
				t.Errorf("got %v of class %q, want %q", err, fault.ClassOf(err), test.want)
			}
		})
	}
}

// TestConnectWithoutPermission runs itself as another user where the tests run
// as root, whom no mode stops.
func TestConnectWithoutPermission(t *testing.T) {
	if socket := os.Getenv("TKDEPLOY_TEST_SOCKET"); socket != "" {
		_, err := Connect(t.Context(), Options{Getenv: environment(map[string]string{"DOCKER_HOST": "unix://" + socket}), ConfigDir: "/"})
		t.Log(err, "/", fault.HintOf(err))
		return
	}
	f := newFakeEngine(t)
	if err := os.Chmod(filepath.Dir(f.socket), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(f.socket, 0); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestConnectWithoutPermission$", "-test.v")
	cmd.Env = append(os.Environ(), "TKDEPLOY_TEST_SOCKET="+f.socket)
	cmd.Dir = "/"
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.CombinedOutput()
	for _, want := range []string{"no permission to use the Docker engine at unix://" + f.socket, "usermod -aG docker"} {
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%v; %q is not in: %s", err, want, out)
		}
	}
}

func TestConnect(t *testing.T) {
	t.Parallel()
	f := newFakeEngine(t)
	e := connectFake(t, f)
	if want := "Docker Engine 20.10.24 at unix://" + f.socket; e.String() != want || e.Host() != "unix://"+f.socket || e.Platform() != "linux/amd64" {
		t.Errorf("got %s, %s, %s; want %s", e, e.Host(), e.Platform(), want)
	}
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
