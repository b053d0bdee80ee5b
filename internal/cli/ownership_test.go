package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
)

// dockerScript lists the node of node.json, if it exists, and records commands that
// change something.
const dockerScript = `#!/bin/sh
dir=${0%/*}
case "$1 $2" in
ps*) test ! -e "$dir/node.json" || echo 0a1b ;;
inspect*) cat "$dir/node.json" ;;
'network ls' | 'network inspect' | info*) ;;
*) echo "$@" >>"$dir/changes" ;;
esac
`

// machine is a machine with an engine on which project shop has the cluster shared.
type machine struct{ docker, state, apps string }

func newMachine(t *testing.T) machine {
	t.Helper()
	m := machine{t.TempDir(), t.TempDir(), t.TempDir()}
	writeTestFile(t, filepath.Join(m.docker, "docker"), dockerScript)
	t.Setenv("PATH", m.docker+":"+os.Getenv("PATH"))
	t.Setenv("XDG_STATE_HOME", m.state)
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "config"))
	for _, name := range []string{"DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_CONTEXT"} {
		t.Setenv(name, "")
	}
	engine := enginetest.New(t)
	engine.Pull = func(w http.ResponseWriter, ref string) { http.Error(w, "no "+ref, http.StatusNotFound) }
	t.Setenv("DOCKER_HOST", "unix://"+engine.Socket)
	for _, project := range []string{"shop", "blog"} {
		dir := filepath.Join(m.apps, project)
		writeTestFile(t, filepath.Join(dir, "chart", "Chart.yaml"), "apiVersion: v2\nname: app\nversion: 0.1.0\n")
		writeTestFile(t, filepath.Join(dir, "chart", "templates", "map.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\n")
		writeTestFile(t, filepath.Join(dir, "tkdeploy.yaml"), `apiVersion: tkdeploy.dev/v1
name: `+project+`
chart: {path: chart, release: app, namespace: `+project+`}
verify: {image: {ref: "registry.invalid/probe:1"}} # its pull fails while the cluster is observed
environments:
  dev: {cluster: {kind: {name: shared, image: {ref: "kindest/node:v1.37.0"}}}}
`)
	}
	return m
}

func (m machine) stateDir() string { return filepath.Join(m.state, "tkdeploy", "clusters", "shared") }

// addNode adds the node of shop, whose state is below state.
func (m machine) addNode(t *testing.T, state string) {
	t.Helper()
	node := []map[string]any{{
		"Name": "/shared-control-plane", "State": map[string]any{"Running": true, "StartedAt": "2026-11-24T08:00:00Z"},
		"Config": map[string]any{"Labels": map[string]string{"io.x-k8s.kind.role": "control-plane"}},
		"Mounts": []map[string]string{{"Source": filepath.Join(state, "tkdeploy", "clusters", "shared", "owner"), "Destination": "/etc/tkdeploy/shop/dev"}},
	}}
	text, err := json.Marshal(node)
	if err != nil {
		t.Fatal(err)
	}
	writeTestFile(t, filepath.Join(m.docker, "node.json"), string(text))
	writeTestFile(t, filepath.Join(m.stateDir(), "kubeconfig"), "apiVersion: v1\nkind: Config\n")
}

func (m machine) addData(t *testing.T) {
	t.Helper()
	writeTestFile(t, filepath.Join(m.stateDir(), "volumes", "shop", "data-postgres-0", "PG_VERSION"), "17")
	writeTestFile(t, filepath.Join(m.stateDir(), "secrets", "shop", "postgres.json"), "{}")
}

func (m machine) record(t *testing.T) {
	t.Helper()
	writeTestFile(t, filepath.Join(m.stateDir(), "owned-by"), "shop/dev\n")
}

// contents returns all files of the state and the recorded changes of the engine.
func (m machine) contents(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, root := range []string{m.state, m.docker} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			files[path] = string(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func (m machine) run(t *testing.T, project string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	line := slices.Concat([]string{"tkdeploy"}, args, []string{"--config", filepath.Join(m.apps, project, "tkdeploy.yaml")})
	code = Main(t.Context(), line, Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
	return code, out.String(), errs.String()
}

func writeTestFile(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o700)); err != nil {
		t.Fatal(err)
	}
}

var clusterCommands = [][]string{
	{"up"}, {"up", "--only", "cluster"}, {"up", "--from", "release"}, {"up", "--only", "cluster", "--dry-run"},
	{"down"}, {"down", "--volumes"}, {"rollback"}, {"rollback", "--dry-run"}, {"verify"},
	{"status"}, {"status", "--output", "json"}, {"history"}, {"kubeconfig"}, {"kubeconfig", "--merge"},
}

func TestMain_otherOwner(t *testing.T) {
	const owners = "cluster shared: belongs to shop/dev, not to blog/dev"
	for name, test := range map[string]struct {
		project string
		prepare func(*testing.T, machine)
		want    string
	}{
		"another project, while the cluster runs":                       {"blog", func(t *testing.T, m machine) { m.addNode(t, m.state); m.addData(t); m.record(t) }, owners},
		"another project, while the cluster of an earlier version runs": {"blog", func(t *testing.T, m machine) { m.addNode(t, m.state); m.addData(t) }, owners},
		"another project, while the cluster is down":                    {"blog", func(t *testing.T, m machine) { m.addData(t); m.record(t) }, owners},
		"another project, while the cluster of an earlier version is down": {"blog", func(t *testing.T, m machine) { m.addData(t) },
			"cluster shared: has data of an unknown owner, of namespace shop"},
		"another user, while the cluster runs": {"shop", func(t *testing.T, m machine) {
			m.addNode(t, "/home/ada/.local/state")
			if err := os.RemoveAll(m.stateDir()); err != nil {
				t.Fatal(err)
			}
		}, "cluster shared: belongs to shop/dev of another user or state directory: its data is in /home/ada/.local/state/tkdeploy/clusters/shared, not in "},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			test.prepare(t, m)
			for _, command := range clusterCommands {
				before := m.contents(t)
				code, _, stderr := m.run(t, test.project, command...)
				if code != 5 || !strings.Contains(stderr, test.want) || !strings.Contains(stderr, "tkdeploy: hint: ") {
					t.Errorf("%q: got exit code %d, want 5 with a hint and %q:\n%s", command, code, test.want, stderr)
				}
				if diff := cmp.Diff(before, m.contents(t)); diff != "" {
					t.Errorf("%q: files (-before +after):\n%s", command, diff)
				}
			}
			code, stdout, stderr := m.run(t, test.project, "doctor")
			if reason := strings.TrimPrefix(test.want, "cluster "); code != 4 || !strings.Contains(stdout, reason) {
				t.Errorf("doctor: got exit code %d, want 4 with %q:\n%s%s", code, reason, stdout, stderr)
			}
		})
	}
}

func TestMain_owner(t *testing.T) {
	for name, prepare := range map[string]func(*testing.T, machine){
		"with a record":         func(t *testing.T, m machine) { m.addData(t); m.record(t) },
		"of an earlier version": func(t *testing.T, m machine) { m.addData(t) },
	} {
		t.Run("keeps and deletes its data "+name, func(t *testing.T) {
			m := newMachine(t)
			prepare(t, m)
			want := m.contents(t)
			for _, command := range [][]string{{"status"}, {"up", "--only", "cluster", "--dry-run"}, {"down"}} {
				if code, stdout, stderr := m.run(t, "shop", command...); code != 0 {
					t.Errorf("%q: got exit code %d, want 0:\n%s%s", command, code, stdout, stderr)
				}
				if diff := cmp.Diff(want, m.contents(t)); diff != "" {
					t.Errorf("%q: files (-want +got):\n%s", command, diff)
				}
			}
			if code, _, stderr := m.run(t, "shop", "down", "--volumes"); code != 0 {
				t.Errorf("got exit code %d, want 0:\n%s", code, stderr)
			}
			left := slices.DeleteFunc(slices.Collect(maps.Keys(m.contents(t))), func(path string) bool { return !strings.HasPrefix(path, m.state) })
			if len(left) > 0 {
				t.Errorf("got files %v after down --volumes, want none", left)
			}
			if code, _, stderr := m.run(t, "blog", "status"); code != 0 {
				t.Errorf("got exit code %d for another project, want a free name:\n%s", code, stderr)
			}
		})
	}
}
