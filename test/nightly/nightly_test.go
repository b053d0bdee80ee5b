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

// checkout is a folder with the script and the stand-ins.
type checkout struct{ root, artifacts, calls, hanging string }

func newCheckout(t *testing.T) checkout {
	t.Helper()
	root := filepath.Join(t.TempDir(), "a checkout")
	c := checkout{root, filepath.Join(root, "of this night"), filepath.Join(root, "calls"), filepath.Join(root, "hanging")}
	for path, is := range map[string]string{
		"hack/nightly.sh": "../../hack/nightly.sh", "bin/tkdeploy": "testdata/stand-in",
		"path/make": "testdata/stand-in", "path/docker": "testdata/stand-in",
	} {
		is, err := filepath.Abs(is)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(is); err != nil { // so Go's test cache knows that the test is of this file
			t.Fatal(err)
		}
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		// A link, for a file that the test wrote could not be run while a command
		// that another test starts at that moment still has it open (ETXTBSY).
		if err := os.Symlink(is, path); err != nil {
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

// night is how the script ended.
type night struct {
	status int
	said   string
	calls  []string // without what follows the second word
}

// run runs the script. Statuses are those that the stand-ins end with, as
// "tkdeploy-up=14". If one is to hang, the script is signaled meanwhile, and
// then the stand-in goes on if the signal is not for it.
func (c checkout) run(t *testing.T, statuses, hangs string, signal syscall.Signal, goesOn bool) night {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), filepath.Join(c.root, "hack/nightly.sh"))
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(c.root, "path")+":"+os.Getenv("PATH"),
		"ARTIFACTS="+c.artifacts, "CALLS="+c.calls, "STATUSES="+statuses, "HANGS="+hangs, "HANGING="+c.hanging)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if hangs != "" {
		if _, err := os.ReadFile(c.hanging); err != nil { // returns when the stand-in hangs
			t.Fatal(err)
		}
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if goesOn {
			if err := os.WriteFile(c.hanging+".end", []byte("\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // the status is judged by the test
	calls, err := os.ReadFile(c.calls)
	if err != nil {
		t.Fatal(err)
	}
	n := night{status: cmd.ProcessState.ExitCode(), said: said.String()}
	for line := range strings.Lines(string(calls)) {
		words := strings.Fields(line)
		n.calls = append(n.calls, words[0]+" "+words[1])
	}
	return n
}

func TestNightly(t *testing.T) {
	t.Parallel()
	whole := []string{"make engine", "tkdeploy up", "tkdeploy status", "docker ps", "docker logs", "tkdeploy down"}
	for name, test := range map[string]struct {
		statuses string
		hangs    string
		signal   syscall.Signal
		status   int
		calls    []string
	}{
		"a good night":                           {status: 0, calls: whole},
		"a failed up is taken down":              {statuses: "tkdeploy-up=14", status: 14, calls: whole},
		"a failed down is told":                  {statuses: "tkdeploy-down=17", status: 17, calls: whole},
		"of two failures up's is told":           {statuses: "tkdeploy-up=14 tkdeploy-down=17", status: 14, calls: whole},
		"logs that cannot be had change nothing": {statuses: "tkdeploy-status=4 docker-logs=1", status: 0, calls: whole},
		"without a build nothing is touched":     {statuses: "make-engine=2", status: 2, calls: whole[:1]},
		"SIGTERM in up":                          {hangs: "tkdeploy up", signal: syscall.SIGTERM, status: 143, calls: whole},
		"SIGINT in up":                           {hangs: "tkdeploy up", signal: syscall.SIGINT, status: 143, calls: whole},
		"SIGTERM in make":                        {hangs: "make engine", signal: syscall.SIGTERM, status: 143, calls: whole[:1]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCheckout(t)
			n := c.run(t, test.statuses, test.hangs, test.signal, false)
			if n.status != test.status {
				t.Errorf("got status %d, want %d\n%s", n.status, test.status, n.said)
			}
			if !slices.Equal(n.calls, test.calls) {
				t.Errorf("got calls %q, want %q", n.calls, test.calls)
			}
			seen := map[string]bool{}
			for line := range strings.Lines(n.said) {
				if seen[line] || strings.Contains(line, "run.finished") {
					t.Errorf("said twice: %s", line)
				}
				seen[line] = true
			}
			if strings.Contains(n.said, "Ctrl-C") {
				t.Errorf("a signal would come twice, which ends tkdeploy at once:\n%s", n.said)
			}
			if len(test.calls) > 1 && !strings.Contains(n.said, "artifacts in "+c.artifacts+"\n") {
				t.Errorf("does not say where the artifacts are:\n%s", n.said)
			}
		})
	}
}

func TestNightly_Artifacts(t *testing.T) {
	t.Parallel()
	c := newCheckout(t)
	old := filepath.Join(c.artifacts, "logs", "gone")
	oldBundle := filepath.Join(c.artifacts, "diagnostics", "gone")
	mine := filepath.Join(c.artifacts, "mine")
	for _, dir := range []string{old, oldBundle, mine} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c.run(t, "tkdeploy-up=15", "", 0, false)
	want := map[string]string{
		"junit.xml": "<testsuites/>\n", "report.html": "<svg/>\n", "events.jsonl": "{\"kind\":\"run.finished\"}\n", "status.txt": "running\n",
		"logs/tiktok-ci-control-plane.log": "docker logs: what a person reads\n",
		"diagnostics/now/index.md":         "# tkdeploy up failed\n",
	}
	for path, text := range want {
		if got, err := os.ReadFile(filepath.Join(c.artifacts, path)); err != nil || string(got) != text {
			t.Errorf("%s: got %q, %v", path, got, err)
		}
	}
	for _, gone := range []string{old, oldBundle} {
		if _, err := os.Stat(gone); !os.IsNotExist(err) {
			t.Errorf("of an earlier night: %v", err)
		}
	}
	if _, err := os.Stat(mine); err != nil {
		t.Errorf("what is not the script's: %v", err)
	}
	if err := filepath.WalkDir(c.artifacts, func(path string, _ fs.DirEntry, err error) error {
		if strings.Contains(path, ":") { // the upload refuses it
			t.Errorf("a name with a colon: %s", path)
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
				t.Errorf("not of ci: %s", line)
			}
		}
		if !strings.HasSuffix(string(calls), "tkdeploy down --env ci --volumes\n") {
			t.Errorf("the last call is no down:\n%s", calls)
		}
	})

	t.Run("completes despite a signal", func(t *testing.T) {
		t.Parallel()
		for _, hangs := range []string{"docker logs", "tkdeploy down"} {
			t.Run(hangs, func(t *testing.T) {
				t.Parallel()
				c := newCheckout(t)
				n := c.run(t, "tkdeploy-up=14", hangs, syscall.SIGTERM, true)
				if n.status != 14 || n.calls[len(n.calls)-1] != "tkdeploy down" {
					t.Errorf("got status %d, calls %q", n.status, n.calls)
				}
				if strings.Contains(n.said, "stopped") || !strings.HasSuffix(n.said, "artifacts in "+c.artifacts+"\n") {
					t.Errorf("did not wait for down:\n%s", n.said)
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
		t.Errorf("the cluster of ci is %q", name)
	}
}
