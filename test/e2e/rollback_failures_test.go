//go:build e2e

package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

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
func (p *project) testFailedRollbackHook(t *testing.T) {
	hook := filepath.Join("chart", "templates", "web.yaml")
	p.replaceInFile(t, hook, "apiVersion: apps/v1\n", hookTemplate+"---\napiVersion: apps/v1\n")
	p.run(t, "up").wantExit(t, 0)
	p.run(t, "up", "--set", "web.env.A=b").wantExit(t, 0)
	p.run(t, "rollback").wantExit(t, 16).wantStderr(t, "before-rollback")
	if last := newest(p.history(t)); last.Status != "failed" || last.Verified {
		t.Errorf("%+v", last)
	}
	p.run(t, "up").wantExit(t, 0)
	p.wantServing(t)
}

func (p *project) testFailedAutomaticRollback(t *testing.T) {
	p.replaceInFile(t, filepath.Join("chart", "templates", "web.yaml"), "apiVersion: apps/v1\n", hookTemplate+"---\napiVersion: apps/v1\n")
	p.run(t, "up").wantExit(t, 0)
	before := newest(p.history(t)).Revision
	got := p.run(t, "up", "--set", "web.env.CRASH=no such database", "--output", "json")
	got.wantExit(t, 16).wantStderr(t, "no such database", "before-rollback")
	events := got.events(t)
	if last := events[len(events)-1]; last.Exit != 16 || last.RolledBack {
		t.Errorf("last event %+v", last)
	}
	if after := newest(p.history(t)).Revision; after != before+2 {
		t.Errorf("revision %d after %d: one upgrade and one rollback were to be written", after, before)
	}
	p.run(t, "up").wantExit(t, 0)
	p.wantServing(t)
}

const crdManifest = `apiVersion: apiextensions.k8s.io/v1
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

func (p *project) testRollbackDeletesCRD(t *testing.T) {
	p.run(t, "up").wantExit(t, 0)
	p.replaceInFile(t, filepath.Join("chart", "templates", "web.yaml"), "apiVersion: apps/v1\n", crdManifest+"---\napiVersion: apps/v1\n")
	p.run(t, "up").wantExit(t, 0)
	before := p.wantServing(t).Revision
	p.run(t, "rollback").wantExit(t, 16).wantStderr(t, "it would delete CustomResourceDefinition orders.example.com")
	if now := p.wantServing(t).Revision; now != before {
		t.Errorf("revision %d was written on top of %d", now, before)
	}
}

func (p *project) testImmutableField(t *testing.T) {
	p.run(t, "up").wantExit(t, 0)
	before := p.wantServing(t).Revision
	p.replaceInFile(t, filepath.Join("chart", "templates", "web.yaml"), "matchLabels: {app: web}", "matchLabels: {app: web, tier: front}")
	p.replaceInFile(t, filepath.Join("chart", "templates", "web.yaml"), "labels: {app: web}\n", "labels: {app: web, tier: front}\n")
	p.run(t, "up").wantExit(t, 13).wantStderr(t, "Deployment web", "spec.selector", "immutable")
	kube := p.kube(t)
	command(t, "kubectl", "--kubeconfig", strings.TrimSpace(p.run(t, "kubeconfig").wantExit(t, 0).stdout), "--namespace", "shop", "delete", "deployment", "web")
	p.run(t, "up").wantExit(t, 0)
	after := p.wantServing(t).Revision
	p.run(t, "rollback", "--to", "1").wantExit(t, 16) // pruned or immutable: nothing is written
	p.run(t, "rollback").wantExit(t, 16).wantStderr(t, "Deployment web", "spec.selector", "immutable")
	if now := newest(p.history(t)).Revision; after <= before || now != after {
		t.Errorf("revisions %d, %d, and %d after the refusals", before, after, now)
	}
	if len(pods(t, kube, "shop")) == 0 {
		t.Error("no pod is left")
	}
}
