//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

const failingHook = `apiVersion: batch/v1
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
          env: [{name: CRASH, value: the hook fails}]
          resources: {limits: {memory: 64Mi}}
`

func (p *project) testFailedRollbackHook(t *testing.T) {
	p.addManifest(t, failingHook)
	p.run(t, "up").wantExit(t, 0)
	p.run(t, "up", "--set", "web.env.A=b").wantExit(t, 0)
	p.run(t, "rollback").wantExit(t, 16).wantStderr(t, "before-rollback")
	if last := newest(p.history(t)); last.Status != "failed" || last.Verified {
		t.Errorf("got newest revision %+v, want status failed, not verified", last)
	}
	p.run(t, "up").wantExit(t, 0)
	p.wantServing(t)
}

func (p *project) testFailedAutomaticRollback(t *testing.T) {
	p.addManifest(t, failingHook)
	p.run(t, "up").wantExit(t, 0)
	before := newest(p.history(t)).Revision
	got := p.run(t, "up", "--set", "web.env.CRASH=no such database", "--output", "json")
	got.wantExit(t, 16).wantStderr(t, "no such database", "before-rollback")
	if last := got.finished(t); last.Exit != 16 || last.RolledBack {
		t.Errorf("got last event %+v, want exit 16, not rolled back", last)
	}
	p.wantRevision(t, before+2) // an upgrade and a rollback
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
	p.addManifest(t, crdManifest)
	p.run(t, "up").wantExit(t, 0)
	before := p.wantServing(t).Revision
	p.run(t, "rollback").wantExit(t, 16).wantStderr(t, "this would delete CustomResourceDefinition orders.example.com")
	if after := p.wantServing(t).Revision; after != before {
		t.Errorf("got revision %d, want %d", after, before)
	}
}

func (p *project) testImmutableField(t *testing.T) {
	p.run(t, "up").wantExit(t, 0)
	before := p.wantServing(t).Revision
	p.replaceInFile(t, "chart/templates/web.yaml", "matchLabels: {app: web}", "matchLabels: {app: web, tier: front}")
	p.replaceInFile(t, "chart/templates/web.yaml", "labels: {app: web}\n", "labels: {app: web, tier: front}\n")
	p.run(t, "up").wantExit(t, 13).wantStderr(t, "Deployment web", "spec.selector", "immutable")
	kube := p.kube(t)
	command(t, "kubectl", "--kubeconfig", strings.TrimSpace(p.run(t, "kubeconfig").wantExit(t, 0).stdout), "--namespace", "shop", "delete", "deployment", "web")
	p.run(t, "up").wantExit(t, 0)
	after := p.wantServing(t).Revision
	p.run(t, "rollback", "--to", "1").wantExit(t, 16) // pruned, or the field is immutable
	p.run(t, "rollback").wantExit(t, 16).wantStderr(t, "Deployment web", "spec.selector", "immutable")
	if after <= before {
		t.Errorf("got revision %d after up, want more than %d", after, before)
	}
	p.wantRevision(t, after)
	if len(pods(t, kube, "shop")) == 0 {
		t.Error("got no pods, want some")
	}
}
