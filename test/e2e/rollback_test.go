//go:build e2e

package e2e

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A revision is a part of `tkdeploy history --output json`.
type revision struct {
	Revision                    int
	Status, Commit, Description string
	Current, Verified           bool
	Images                      []string
}

func (p *project) history(t *testing.T) []revision {
	t.Helper()
	var h struct{ Revisions []revision }
	out := p.run(t, "history", "--output", "json").must(t, 0).stdout
	if err := json.Unmarshal([]byte(out), &h); err != nil || len(h.Revisions) == 0 {
		t.Fatalf("%v: %s", err, out)
	}
	return h.Revisions
}

func newest(history []revision) revision { return history[len(history)-1] }

// serves fails the test unless the shop answers and the newest revision is
// deployed, current and verified. It returns that.
func (p *project) serves(t *testing.T) revision {
	t.Helper()
	if code, body := call(t, "GET", p.url, "", ""); code != 200 {
		again, _ := exec.CommandContext(t.Context(), "curl", "--silent", "--show-error", "--include", p.url).CombinedOutput()
		t.Errorf("GET %s: %d %q; again, to see who answers:\n%s\n%s", p.url, code, body, again, docker(t, "ps", "--format", "{{.Names}}\t{{.Ports}}"))
	}
	last := newest(p.history(t))
	if last.Status != "deployed" || !last.Current || !last.Verified {
		t.Errorf("the newest revision is %+v", last)
	}
	return last
}

// visitor asks for the shop as a newcomer.
func (p *project) visitor() request {
	return request{member{base: p.url, client: newcomer(5 * time.Second)}, "GET", "", 200}
}

func (p *project) takenBack(t *testing.T) {
	p.run(t, "up").must(t, 0)
	good := p.serves(t)
	for what, bad := range map[string]struct {
		set  string
		code int
	}{
		"rollout":    {"web.env.CRASH=no such database", 14},
		"smoke test": {"web.env.HEALTH=500", 15},
	} {
		var visitors []request
		if bad.code == 14 { // the bad release never serves
			visitors = append(visitors, p.visitor())
		}
		running := startTraffic(t, visitors)
		got := p.run(t, "up", "--set", bad.set, "--output", "json")
		if _, failed := running.end(); len(failed) > 0 {
			t.Errorf("%d requests were dropped: %v", len(failed), failed)
		}
		got.must(t, bad.code).says(t, "was rolled back", "is deployed")
		events := got.events(t)
		if last := events[len(events)-1]; last.Exit != bad.code || !last.RolledBack {
			t.Errorf("%s: last event %+v", what, last)
		}
		back := p.serves(t)
		if back.Revision <= good.Revision || !slices.Equal(back.Images, good.Images) || !strings.HasPrefix(back.Description, "Rollback to ") {
			t.Errorf("%s: %+v, before %+v", what, back, good)
		}
	}
	before := newest(p.history(t)).Revision
	p.run(t, "up").must(t, 0)
	if after := newest(p.history(t)).Revision; after != before {
		t.Errorf("the next up with the good sources wrote revision %d on top of %d", after, before)
	}
}

func (p *project) rolledBackByHand(t *testing.T) {
	one := p.serves(t)
	p.changedFile(t, "web/main.go", `"the shop is"`, `"the new shop is"`)
	p.run(t, "up").must(t, 0)
	two := p.serves(t)
	if slices.Equal(one.Images, two.Images) {
		t.Fatalf("the same images: %v", two.Images)
	}
	if _, body := call(t, "GET", p.url, "", ""); !strings.Contains(body, "new shop") {
		t.Errorf("after up: %s", body)
	}
	p.run(t, "rollback", "--dry-run").must(t, 0)
	if now := newest(p.history(t)); now.Revision != two.Revision {
		t.Errorf("a dry run wrote %+v", now)
	}
	p.run(t, "rollback").must(t, 0)
	if three := p.serves(t); three.Revision != two.Revision+1 || !slices.Equal(three.Images, one.Images) {
		t.Errorf("%+v, went back to %+v", three, one)
	}
	if _, body := call(t, "GET", p.url, "", ""); strings.Contains(body, "new shop") {
		t.Errorf("after rollback: %s", body)
	}
	p.run(t, "up").must(t, 0) // the new sources again
	if four := p.serves(t); !slices.Equal(four.Images, two.Images) {
		t.Errorf("%+v, want the images of %+v", four, two)
	}
}

func (p *project) passesOverFailures(t *testing.T) {
	p.run(t, "up").must(t, 0)
	good := p.serves(t)
	for _, message := range []string{"one", "two"} {
		p.run(t, "up", "--set", "web.env.CRASH="+message, "--no-rollback").must(t, 14).says(t, "--no-rollback")
	}
	p.run(t, "rollback").must(t, 0).says(t, "not verified")
	if back := p.serves(t); back.Revision != good.Revision+3 || !slices.Equal(back.Images, good.Images) {
		t.Errorf("%+v, want %+v again", back, good)
	}
}

// hookTemplate is a pre-rollback hook that fails: it ends, and not well.
const hookTemplate = `apiVersion: batch/v1
kind: Job
metadata:
  name: before-rollback
  annotations: {helm.sh/hook: pre-rollback}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: fails
          image: "{{ .Values.web.image.repository }}:{{ .Values.web.image.tag }}"
          env: [{name: CRASH, value: the hook gives up}]
          resources: {limits: {memory: 64Mi}}
`

// failedRollbackHook ends with a chart without the hook.
func (p *project) failedRollbackHook(t *testing.T) {
	hook := filepath.Join("chart", "templates", "web.yaml")
	p.changedFile(t, hook, "apiVersion: apps/v1\n", hookTemplate+"---\napiVersion: apps/v1\n")
	p.run(t, "up").must(t, 0)
	p.run(t, "up", "--set", "web.env.A=b").must(t, 0)
	p.run(t, "rollback").must(t, 16).says(t, "before-rollback")
	if last := newest(p.history(t)); last.Status != "failed" || last.Verified {
		t.Errorf("%+v", last)
	}
	p.run(t, "up").must(t, 0)
	p.serves(t)
}

func (p *project) failedRecovery(t *testing.T) {
	p.changedFile(t, filepath.Join("chart", "templates", "web.yaml"), "apiVersion: apps/v1\n", hookTemplate+"---\napiVersion: apps/v1\n")
	p.run(t, "up").must(t, 0)
	before := newest(p.history(t)).Revision
	got := p.run(t, "up", "--set", "web.env.CRASH=no such database", "--output", "json")
	got.must(t, 16).says(t, "no such database", "before-rollback")
	events := got.events(t)
	if last := events[len(events)-1]; last.Exit != 16 || last.RolledBack {
		t.Errorf("last event %+v", last)
	}
	if after := newest(p.history(t)).Revision; after != before+2 {
		t.Errorf("revision %d after %d: one upgrade and one rollback were to be written", after, before)
	}
	p.run(t, "up").must(t, 0)
	p.serves(t)
}

const definition = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: orders.example.com
spec:
  group: example.com
  names: {kind: Order, plural: orders}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object}}
`

func (p *project) lostDefinition(t *testing.T) {
	p.run(t, "up").must(t, 0)
	p.changedFile(t, filepath.Join("chart", "templates", "web.yaml"), "apiVersion: apps/v1\n", definition+"---\napiVersion: apps/v1\n")
	p.run(t, "up").must(t, 0)
	before := p.serves(t).Revision
	p.run(t, "rollback").must(t, 16).says(t, "it would delete CustomResourceDefinition orders.example.com")
	if now := p.serves(t).Revision; now != before {
		t.Errorf("revision %d was written on top of %d", now, before)
	}
}

func (p *project) immutableField(t *testing.T) {
	p.run(t, "up").must(t, 0)
	before := p.serves(t).Revision
	p.changedFile(t, filepath.Join("chart", "templates", "web.yaml"), "matchLabels: {app: web}", "matchLabels: {app: web, tier: front}")
	p.changedFile(t, filepath.Join("chart", "templates", "web.yaml"), "labels: {app: web}\n", "labels: {app: web, tier: front}\n")
	p.run(t, "up").must(t, 13).says(t, "Deployment web", "spec.selector", "immutable")
	kube := p.kube(t)
	command(t, "kubectl", "--kubeconfig", strings.TrimSpace(p.run(t, "kubeconfig").must(t, 0).stdout), "--namespace", "shop", "delete", "deployment", "web")
	p.run(t, "up").must(t, 0)
	after := p.serves(t).Revision
	p.run(t, "rollback", "--to", "1").must(t, 16) // pruned or immutable: nothing is written
	p.run(t, "rollback").must(t, 16).says(t, "Deployment web", "spec.selector", "immutable")
	if now := newest(p.history(t)).Revision; after <= before || now != after {
		t.Errorf("revisions %d, %d, and %d after the refusals", before, after, now)
	}
	if len(pods(t, kube, "shop")) == 0 {
		t.Error("no pod is left")
	}
}

// nothingVerified starts anew: a first install that fails is kept, and there is
// nowhere to go back to.
func (p *project) nothingVerified(t *testing.T) {
	p.run(t, "down", "--volumes").must(t, 0)
	p.run(t, "up", "--set", "web.env.CRASH=from the start").must(t, 14).says(t, "keeping failed revision", "from the start")
	p.run(t, "rollback").must(t, 16).says(t, "no verified revision to go back to")
	if history := p.history(t); len(history) != 1 || history[0].Verified {
		t.Errorf("%+v", history)
	}
	p.run(t, "up").must(t, 0)
	p.serves(t)
}
