//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// hookManifest returns a Job that is a hook. With the variable DONE it succeeds, with
// CRASH it fails, and otherwise it never ends.
func hookManifest(hook, policy, variable, message string) string {
	return fmt.Sprintf(`apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations: {helm.sh/hook: %s, helm.sh/hook-delete-policy: %s, helm.sh/hook-output-log-policy: hook-succeeded}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 1
      containers:
        - name: migrate
          image: "{{ .Values.web.image.repository }}:{{ .Values.web.image.tag }}"
          env: [{name: %s, value: %q}]
          resources: {limits: {memory: 64Mi}}
`, hook, policy, variable, message)
}

func (p *project) testHookLog(t *testing.T) {
	p.addManifest(t, hookManifest("pre-upgrade", "hook-succeeded", "DONE", "schema is at version 7"))
	got := p.run(t, "up", "--output", "json").wantExit(t, 0)
	got.wantStderr(t, "migrate: ", "schema is at version 7")
	for _, e := range got.events(t) {
		if e.Kind == "item.progress" && e.Item == "migrate" && strings.Contains(e.Message, "schema is at version 7") {
			return
		}
	}
	t.Errorf("got no event with the log of the hook:\n%s", got.stdout)
}

func (p *project) testHookWithoutImage(t *testing.T) {
	p.run(t, "up").wantExit(t, 0)
	hook := hookManifest("pre-upgrade", "hook-failed", "A", "b")
	p.addManifest(t, strings.Replace(hook, `"{{ .Values.web.image.repository }}:{{ .Values.web.image.tag }}"`, "shop.invalid/migrate:1\n          imagePullPolicy: Never", 1))
	got := p.run(t, "up", "--timeout", "90s").wantExit(t, 13)
	got.wantStderr(t, "pre-upgrade hook", "migrate", "shop.invalid/migrate:1")
	got.wantWithin(t, 40*time.Second)
}

func (p *project) testHookLeftovers(t *testing.T) {
	p.run(t, "up").wantExit(t, 0)
	p.addManifest(t, hookManifest("pre-upgrade", "hook-succeeded", "A", "never ends"))
	got := p.runWithStageHook(t, "release", func(tkdeploy *os.Process) {
		time.AfterFunc(4*time.Second, func() { _ = tkdeploy.Kill() })
	}, "up")
	if got.code != -1 {
		t.Fatalf("got exit code %d, want a killed run:\n%s", got.code, got.stderr)
	}
	if _, err := p.kube(t).BatchV1().Jobs("shop").Get(t.Context(), "migrate", metav1.GetOptions{}); err != nil {
		t.Fatalf("got %v, want the Job that the run left", err)
	}
	p.replaceInFile(t, "chart/templates/web.yaml", "name: A, value", "name: DONE, value")
	p.run(t, "up").wantExit(t, 0).wantStderr(t, "Job migrate: removed")
	p.wantServing(t)
}

func (p *project) testFailedPostUpgradeHook(t *testing.T) {
	p.run(t, "up").wantExit(t, 0)
	p.addManifest(t, hookManifest("post-upgrade", "hook-failed", "CRASH", "cannot reach the billing API"))
	got := p.run(t, "up", "--output", "json").wantExit(t, 13)
	got.wantStderr(t, "post-upgrade hook", "cannot reach the billing API")
	if last := got.finished(t); !last.RolledBack {
		t.Errorf("got last event %+v, want rolled back", last)
	}
	p.wantServing(t)
}

const orderManifest = `apiVersion: example.com/v1
kind: Order
metadata: {name: one}
spec: {size: {{ .Values.web.env.SIZE | default "1" }}}
`

func (p *project) testRejectedCustomResource(t *testing.T) {
	p.addManifest(t, strings.Replace(crdManifest, "{type: object}", "{type: object, properties: {spec: {type: object, properties: {size: {type: integer, maximum: 5}}}}}", 1))
	p.run(t, "up").wantExit(t, 0)
	p.addManifest(t, orderManifest)
	p.run(t, "up").wantExit(t, 0)
	before := p.wantServing(t).Revision
	p.run(t, "up", "--set", "web.env.SIZE=9").wantExit(t, 13).wantStderr(t, "Order one: changing spec.size")
	if after := p.wantServing(t).Revision; after != before {
		t.Errorf("got revision %d, want %d: nothing was written", after, before)
	}
}

const keptClaim = `apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: kept, annotations: {helm.sh/resource-policy: keep}}
spec: {accessModes: [ReadWriteOnce], storageClassName: none, volumeName: "", resources: {requests: {storage: 1Mi}}}
`

func (p *project) testRollbackAdoptsKept(t *testing.T) {
	t.Run("a revision with a kept claim", func(t *testing.T) {
		p.addManifest(t, keptClaim)
		p.run(t, "up").wantExit(t, 0)
	})
	// the claim is no longer part of the chart, but still in the cluster
	p.run(t, "up", "--set", "web.env.CRASH=no such database").wantExit(t, 14).wantStderr(t, "no such database", "was rolled back")
	p.wantServing(t)
}
