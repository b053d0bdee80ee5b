//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// binary is the tkdeploy under test.
func binary(t *testing.T) string {
	t.Helper()
	path := os.Getenv("TKDEPLOY_BIN")
	if path == "" {
		t.Fatal("TKDEPLOY_BIN must name the tkdeploy binary: use make test-e2e")
	}
	return path
}

// full tells that make test-faults runs the tests, all of them.
func slowTests() bool { return os.Getenv("TKDEPLOY_E2E_FAULTS") == "all" }

// inFull is a test that make test leaves to make test-faults.
func slow(test func(*testing.T)) func(*testing.T) { return slowUnless(false, test) }

// inFullUnless is a test that make test runs where picked, and make test-faults always.
func slowUnless(picked bool, test func(*testing.T)) func(*testing.T) {
	if picked || slowTests() {
		return test
	}
	return func(t *testing.T) { t.Skip("SKIPPED: make test-faults runs it") }
}

// A project is a copy of an app with a state folder of its own, so that a test
// may change sources.
type project struct {
	dir      string
	state    string
	env      string   // --env
	extraEnv []string // further environment variables
	wrapper  []string // a command that runs tkdeploy
	url      string   // where the app answers; set for the shop
}

// newProject copies folders and files of root, with replacements in tkdeploy.yaml.
func newProject(t *testing.T, root, env string, replace *strings.Replacer, parts ...string) *project {
	t.Helper()
	p := &project{dir: t.TempDir(), state: t.TempDir(), env: env}
	for _, part := range parts {
		copyTree(t, filepath.Join(root, part), filepath.Join(p.dir, part))
	}
	path := filepath.Join(p.dir, "tkdeploy.yaml")
	writeFile(t, path, replace.Replace(readFile(t, path)))
	t.Cleanup(func() {
		if os.Getenv("TKDEPLOY_E2E_KEEP") != "" {
			t.Logf("kept: cd %s && XDG_STATE_HOME=%s tkdeploy status --env %s", p.dir, p.state, env)
			return
		}
		if got := p.runContext(context.Background(), t, "down", "--volumes"); got.code != 0 {
			t.Errorf("down at the end: exit %d\n%s", got.code, got.stderr)
		}
	})
	return p
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if d.Name() == "node_modules" || d.Name() == ".next" {
				return fs.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, data, info.Mode().Perm())
	})
	if err != nil {
		t.Fatal(err)
	}
}

// result is what a run of tkdeploy gave.
type result struct {
	code           int
	stdout, stderr string
	elapsed        time.Duration
}

func (p *project) run(t *testing.T, args ...string) result {
	t.Helper()
	return p.runContext(t.Context(), t, args...)
}

func (p *project) runContext(ctx context.Context, t *testing.T, args ...string) result {
	t.Helper()
	if args[0] != "version" {
		args = append(args, "--env", p.env)
	}
	line := slices.Concat(p.wrapper, []string{binary(t)}, args)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Dir = p.dir
	cmd.Env = append(append(os.Environ(), "XDG_STATE_HOME="+p.state), p.extraEnv...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	r := result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String(), time.Since(start)}
	t.Logf("tkdeploy %s: exit %d after %s", strings.Join(args, " "), r.code, r.elapsed.Round(time.Millisecond))
	return r
}

// must fails the test unless the run exited with code. That of a fault is for
// the table of hack/faults.
func (r result) wantExit(t *testing.T, code int) result {
	t.Helper()
	if code != 0 {
		t.Attr("seen", fmt.Sprintf("exit %d after %.1f s", r.code, r.elapsed.Seconds()))
	}
	if r.code != code {
		t.Fatalf("exit %d, want %d\n--- stdout\n%s\n--- stderr\n%s", r.code, code, r.stdout, r.stderr)
	}
	return r
}

// says fails the test unless stderr has each part.
func (r result) wantStderr(t *testing.T, parts ...string) result {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(r.stderr, part) {
			t.Errorf("stderr lacks %q:\n%s", part, r.stderr)
		}
	}
	return r
}

// An eventLine is the part of a JSON event that the tests read.
type eventLine struct {
	Kind, Stage, Item, Outcome, Reason, Message string
	Changes, Exit                               int
	ElapsedMS                                   int64 `json:"elapsed_ms"`
	RolledBack                                  bool  `json:"rolled_back"`
	Stages                                      []struct{ ID, Outcome, Reason string }
}

// events reads the JSON lines; the last one is run.finished.
func (r result) events(t *testing.T) []eventLine {
	t.Helper()
	var events []eventLine
	decoder := json.NewDecoder(strings.NewReader(r.stdout))
	for {
		var e eventLine
		err := decoder.Decode(&e)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("read events: %v\n%s", err, r.stdout)
		}
		events = append(events, e)
	}
	if len(events) == 0 || events[len(events)-1].Kind != "run.finished" {
		t.Fatalf("the last event is not run.finished:\n%s", r.stdout)
	}
	return events
}

// changed lists the items that the stage changed.
func changedItems(events []eventLine, stage string) []string {
	var items []string
	for _, e := range events {
		if e.Stage == stage && e.Changes > 0 {
			items = append(items, e.Item)
		}
	}
	return items
}

// kube speaks to the project's cluster.
func (p *project) kube(t *testing.T) kubernetes.Interface {
	t.Helper()
	path := strings.TrimSpace(p.run(t, "kubeconfig").wantExit(t, 0).stdout)
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// pods gives "name uid restarts" for each running pod of the namespace.
func pods(t *testing.T, client kubernetes.Interface, namespace string) map[string]corev1.Pod {
	t.Helper()
	list, err := client.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]corev1.Pod{}
	for _, pod := range list.Items {
		if pod.DeletionTimestamp == nil {
			found[string(pod.UID)] = pod
		}
	}
	return found
}

func restarts(pod corev1.Pod) int32 {
	var n int32
	for _, c := range pod.Status.ContainerStatuses {
		n += c.RestartCount
	}
	return n
}

// newcomer opens a connection for each request: one that is kept may lead to a pod that is being replaced.
func newClient(timeout time.Duration) *http.Client {
	return &http.Client{Timeout: timeout, Transport: &http.Transport{DisableKeepAlives: true}}
}

// call sends a request as a newcomer and gives status and body.
func call(t *testing.T, method, url, token, body string) (int, string) {
	t.Helper()
	code, text, err := user{token: token, client: newClient(30 * time.Second)}.send(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return code, text
}

func docker(t *testing.T, args ...string) string {
	t.Helper()
	return command(t, "docker", args...)
}

// imagesOf are the ids of a repository's images. The engine lists those that were made in the same second in any order.
func imageIDs(t *testing.T, repository string) []string {
	t.Helper()
	ids := strings.Fields(docker(t, "images", "--quiet", "--no-trunc", repository))
	slices.Sort(ids)
	return ids
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
