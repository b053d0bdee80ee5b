package remote

import (
	"path/filepath"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files/filestest"
)

func TestMachine(t *testing.T) {
	t.Parallel()
	for machine, want := range map[Machine]struct{ host, listen, valid, invalid string }{
		"":            {"localhost", "127.0.0.1", "https://127.0.0.1:1", "https://192.0.2.7:1"},
		"docker":      {"docker", "0.0.0.0", "https://docker:1", "https://127.0.0.1:1"},
		"192.0.2.7":   {"192.0.2.7", "0.0.0.0", "https://192.0.2.7:1", "https://192.0.2.8:1"},
		"2001:db8::7": {"2001:db8::7", "::", "https://[2001:db8::7]:1", "https://[::1]:1"},
	} {
		if machine.Host() != want.host || machine.ListenAddress() != want.listen {
			t.Errorf("%q: got host %s, listen address %s, want %+v", machine, machine.Host(), machine.ListenAddress(), want)
		}
		if machine.Check(want.valid) != nil || machine.Check(want.invalid) == nil {
			t.Errorf("%q: got %v, %v, want only an error for %s", machine, machine.Check(want.valid), machine.Check(want.invalid), want.invalid)
		}
	}
}

func TestMachine_Reachable(t *testing.T) {
	t.Parallel()
	const kubeconfig = "clusters: [{name: c, cluster: {server: \"https://0.0.0.0:41234\"}}]\n"
	for machine, want := range map[Machine]string{
		"":            "server: \"https://0.0.0.0:41234\"}",
		"docker":      "server: https://docker:41234\n    tls-server-name: localhost\n",
		"2001:db8::7": "server: https://[2001:db8::7]:41234\n",
	} {
		got, err := machine.Reachable(kubeconfig)
		if err != nil || !strings.Contains(string(got), want) {
			t.Errorf("%q: got %s, %v, want %s", machine, got, err, want)
		}
	}
	if _, err := Machine("docker").Reachable("{"); err == nil {
		t.Error("got no error for an invalid kubeconfig")
	}
}

func TestReadData(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if got, err := ReadData(dir); got != "" || err != nil {
		t.Errorf("got %q, %v, want nothing", got, err)
	}
	filestest.CheckRefused(t, filepath.Join(dir, filepath.Base(DataFile(dir))), func() error {
		_, err := ReadData(dir)
		if fault.ClassOf(err) != fault.Environment {
			t.Errorf("got class %q, want %q", fault.ClassOf(err), fault.Environment)
		}
		return err
	})
	if a, b := NewData("/var/lib/docker", "shop-dev"), NewData("/var/lib/docker", "shop-dev"); a == b || !strings.HasPrefix(a, "/var/lib/docker/tkdeploy/shop-dev-") {
		t.Errorf("got %s and %s, want two directories", a, b)
	}
}
