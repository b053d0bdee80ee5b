package nightly

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// checkout is a directory with the script and the fakes.
type checkout struct{ root, artifacts, calls, hanging string }

func newCheckout(t *testing.T) checkout {
	t.Helper()
	root := filepath.Join(t.TempDir(), "a checkout")
	c := checkout{root, filepath.Join(root, "current artifacts"), filepath.Join(root, "calls"), filepath.Join(root, "hanging")}
	for path, target := range map[string]string{
		"hack/nightly.sh": "../../hack/nightly.sh", "bin/tkdeploy": "testdata/fake",
		"path/make": "testdata/fake", "path/docker": "testdata/fake",
	} {
		target, err := filepath.Abs(target)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(target); err != nil { // an input for Go's test cache
			t.Fatal(err)
		}
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		// A link, because executing a file that the test has written fails with ETXTBSY
		// while a process forked by a parallel test still has it open.
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
	}
	for _, pipe := range []string{c.hanging, c.hanging + ".end"} {
		if err := syscall.Mkfifo(pipe, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

type result struct {
	exitCode int
	output   string
	calls    []string // program and first argument
}

// run sets the exit codes of the fakes: "tkdeploy-up=14". If hangs names a fake, run
// signals the script while it hangs, then lets it continue if resumes is true.
func (c checkout) run(t *testing.T, exitCodes, hangs string, signal syscall.Signal, resumes bool) result {
	t.Helper()
	var output bytes.Buffer
	cmd := exec.CommandContext(t.Context(), filepath.Join(c.root, "hack/nightly.sh"))
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(c.root, "path")+":"+os.Getenv("PATH"),
		"ARTIFACTS="+c.artifacts, "CALLS="+c.calls, "EXIT_CODES="+exitCodes, "HANGS="+hangs, "HANGING="+c.hanging)
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if hangs != "" {
		if _, err := os.ReadFile(c.hanging); err != nil { // returns when the fake hangs
			t.Fatal(err)
		}
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if resumes {
			if err := os.WriteFile(c.hanging+".end", []byte("\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // the test checks the exit code
	calls, err := os.ReadFile(c.calls)
	if err != nil {
		t.Fatal(err)
	}
	r := result{exitCode: cmd.ProcessState.ExitCode(), output: output.String()}
	for line := range strings.Lines(string(calls)) {
		fields := strings.Fields(line)
		r.calls = append(r.calls, fields[0]+" "+fields[1])
	}
	return r
}

func TestNightly(t *testing.T) {
	t.Parallel()
	all := []string{"make engine", "tkdeploy up", "tkdeploy status", "docker ps", "docker logs", "tkdeploy down"}
	for name, test := range map[string]struct {
		exitCodes string
		hangs     string
		signal    syscall.Signal
		exitCode  int
		calls     []string
	}{
		"returns 0 after success":                  {exitCode: 0, calls: all},
		"takes the stack down after a failed up":   {exitCodes: "tkdeploy-up=14", exitCode: 14, calls: all},
		"returns the exit code of down":            {exitCodes: "tkdeploy-down=17", exitCode: 17, calls: all},
		"prefers the exit code of up":              {exitCodes: "tkdeploy-up=14 tkdeploy-down=17", exitCode: 14, calls: all},
		"ignores errors while collecting logs":     {exitCodes: "tkdeploy-status=4 docker-logs=1", exitCode: 0, calls: all},
		"stops after a failed build":               {exitCodes: "make-engine=2", exitCode: 2, calls: all[:1]},
		"takes the stack down after SIGTERM in up": {hangs: "tkdeploy up", signal: syscall.SIGTERM, exitCode: 143, calls: all},
		"takes the stack down after SIGINT in up":  {hangs: "tkdeploy up", signal: syscall.SIGINT, exitCode: 143, calls: all},
		"stops after SIGTERM in make":              {hangs: "make engine", signal: syscall.SIGTERM, exitCode: 143, calls: all[:1]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCheckout(t)
			r := c.run(t, test.exitCodes, test.hangs, test.signal, false)
			if r.exitCode != test.exitCode {
				t.Errorf("got exit code %d, want %d\n%s", r.exitCode, test.exitCode, r.output)
			}
			if !slices.Equal(r.calls, test.calls) {
				t.Errorf("got calls %q, want %q", r.calls, test.calls)
			}
			seen := map[string]bool{}
			for line := range strings.Lines(r.output) {
				if seen[line] || strings.Contains(line, "run.finished") {
					t.Errorf("got line twice or an event: %s", line)
				}
				seen[line] = true
			}
			if strings.Contains(r.output, "Ctrl-C") {
				t.Errorf("got a fake in the script's process group, where Ctrl-C would signal it twice:\n%s", r.output)
			}
			if len(test.calls) > 1 && !strings.Contains(r.output, "artifacts in "+c.artifacts+"\n") {
				t.Errorf("got no path of the artifacts:\n%s", r.output)
			}
		})
	}
}

func TestNightly_Artifacts(t *testing.T) {
	t.Parallel()
	c := newCheckout(t)
	old := filepath.Join(c.artifacts, "logs", "gone")
	oldBundle := filepath.Join(c.artifacts, "diagnostics", "gone")
	unrelated := filepath.Join(c.artifacts, "unrelated")
	for _, dir := range []string{old, oldBundle, unrelated} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c.run(t, "tkdeploy-up=15", "", 0, false)
	want := map[string]string{
		"junit.xml": "<testsuites/>\n", "report.html": "<svg/>\n", "events.jsonl": "{\"kind\":\"run.finished\"}\n", "status.txt": "running\n",
		"logs/tiktok-ci-control-plane.log": "docker logs: message\n",
		"diagnostics/now/index.md":         "# tkdeploy up failed\n",
	}
	for path, text := range want {
		if got, err := os.ReadFile(filepath.Join(c.artifacts, path)); err != nil || string(got) != text {
			t.Errorf("%s: got %q, error %v, want %q", path, got, err, text)
		}
	}
	for _, gone := range []string{old, oldBundle} {
		if _, err := os.Stat(gone); !os.IsNotExist(err) {
			t.Errorf("%s of the previous run: got error %v, want not found", gone, err)
		}
	}
	if _, err := os.Stat(unrelated); err != nil {
		t.Errorf("unrelated file: %v", err)
	}
	if err := filepath.WalkDir(c.artifacts, func(path string, _ fs.DirEntry, err error) error {
		if strings.Contains(path, ":") { // not allowed in artifacts
			t.Errorf("got a file name with a colon: %s", path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestNightly_Cleanup(t *testing.T) {
	t.Parallel()
	t.Run("deletes volumes of environment ci only", func(t *testing.T) {
		t.Parallel()
		c := newCheckout(t)
		c.run(t, "", "", 0, false)
		calls, err := os.ReadFile(c.calls)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(calls)) {
			if strings.HasPrefix(line, "tkdeploy ") && !strings.Contains(line, " --env ci ") && !strings.HasSuffix(line, " --env ci\n") {
				t.Errorf("got call %q, want --env ci", line)
			}
		}
		if !strings.HasSuffix(string(calls), "tkdeploy down --env ci --volumes\n") {
			t.Errorf("got calls:\n%s\nwant tkdeploy down last", calls)
		}
	})

	t.Run("completes despite a signal", func(t *testing.T) {
		t.Parallel()
		for _, hangs := range []string{"docker logs", "tkdeploy down"} {
			t.Run(hangs, func(t *testing.T) {
				t.Parallel()
				c := newCheckout(t)
				r := c.run(t, "tkdeploy-up=14", hangs, syscall.SIGTERM, true)
				if r.exitCode != 14 || r.calls[len(r.calls)-1] != "tkdeploy down" {
					t.Errorf("got exit code %d, calls %q, want 14 and tkdeploy down last", r.exitCode, r.calls)
				}
				if strings.Contains(r.output, "stopped") || !strings.HasSuffix(r.output, "artifacts in "+c.artifacts+"\n") {
					t.Errorf("got output:\n%s\nwant the script to wait for down", r.output)
				}
			})
		}
	})
}

func TestNightly_ClusterName(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("../../hack/nightly.sh")
	if err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile("../../tkdeploy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, ci, _ := strings.Cut(string(config), "\n  ci:\n")
	_, rest, _ := strings.Cut(ci, "name: ")
	name, _, _ := strings.Cut(rest, "\n")
	if name == "" || !strings.Contains(string(script), "\ncluster="+name+" ") {
		t.Errorf("got no cluster=%s in the script, the cluster name of environment ci", name)
	}
}
