package inputs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
)

const contextVariable = "TKDEPLOY_TEST_CONTEXT"

// Root may read any file: as root, the test runs its binary as another user.
func TestIdentify_withoutPermission(t *testing.T) {
	if dir := os.Getenv(contextVariable); dir != "" {
		b := Build{Name: "web", Repository: "web", Platform: "linux/amd64", Context: dir}
		_, err := NewLookupCache(nil).Identify(t.Context(), b)
		t.Logf("result: %v; %v", err, CheckContexts(t.Context(), []Build{b}))
		return
	}
	for name, test := range map[string]struct {
		dockerfile, ignore string
		want               string // part of the result
	}{
		"file and directory that are not copied": {"FROM scratch\nCOPY src /\n", "", "result: <nil>; <nil>"},
		"ignored file and directory":             {"FROM scratch\nCOPY . /\n", "private\nclosed\n", "result: <nil>; <nil>"},
		"copied file":                            {"FROM scratch\nCOPY private /\n", "", "/private: permission denied"},
		"copied directory":                       {"FROM scratch\nCOPY closed /\n", "", "/closed: permission denied"},
	} {
		dir := t.TempDir()
		enginetest.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
		enginetest.WriteFiles(t, dir, map[string]string{
			"Dockerfile": test.dockerfile, ".dockerignore": test.ignore, "src/a": "", "private": "", "closed/a": "",
		})
		enginetest.NoError(t, os.Chmod(filepath.Join(dir, "private"), 0))
		enginetest.NoError(t, os.Chmod(filepath.Join(dir, "closed"), 0))
		t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "closed"), 0o700) })
		cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestIdentify_withoutPermission$", "-test.v")
		cmd.Env, cmd.Dir = append(os.Environ(), contextVariable+"="+dir), "/"
		if os.Getuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), test.want) {
			t.Errorf("%s: got %v with output %s, want %q", name, err, out, test.want)
		}
	}
}
