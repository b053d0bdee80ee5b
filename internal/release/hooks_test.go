package release

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/release"

	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
)

const hookTemplates = `
apiVersion: v1
kind: Pod
metadata:
  name: journey
  annotations: {helm.sh/hook: test, helm.sh/hook-weight: "5", helm.sh/hook-delete-policy: "before-hook-creation, hook-succeeded"}
spec: {containers: [{name: journey, image: journey:1}]}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: audit
  namespace: elsewhere
  annotations: {helm.sh/hook: "test-success", helm.sh/hook-weight: "5"}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: audit, image: audit:1}]}}}
---
apiVersion: v1
kind: Pod
metadata:
  name: account
  annotations: {helm.sh/hook: "post-install,test"}
spec: {containers: [{name: a, image: a:1}]}
---
apiVersion: v1
kind: Secret
metadata:
  name: account
  annotations: {helm.sh/hook: test}
stringData: {PASSWORD: of-the-test-account}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: migration
  annotations: {helm.sh/hook: pre-upgrade}
---
apiVersion: shop.example/v1
kind: Unknown
metadata:
  name: unknown
  annotations: {helm.sh/hook: test, helm.sh/hook-weight: "9"}
`

func TestClient_DeployedHooks(t *testing.T) {
	t.Parallel()
	p, err := chart.Prepare(shopWith(t, hookTemplates))
	if err != nil {
		t.Fatal(err)
	}
	rel := rendered(t, p)
	c := newClient(t, releasetest.NewServer(t), Options{})
	rel.Labels = recordLabels(chart.Desired{}, "fingerprint")
	if err := c.helm.Releases.Create(rel); err != nil {
		t.Fatal(err)
	}
	rel.Info.Status = "deployed"
	if err := c.helm.Releases.Update(rel); err != nil {
		t.Fatal(err)
	}

	deployed, err := c.Deployed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range deployed.TestHooks {
		got = append(got, fmt.Sprintf("%d %s %s/%s %s %v", h.Weight, h.Object.GetKind(), h.Object.GetNamespace(), h.Name, h.Resource.Resource, h.DeletePolicies))
	}
	want := []string{
		"0 Secret shop/account secrets [before-hook-creation]", // same name: in Helm's install order
		"0 Pod shop/account pods [before-hook-creation]",
		"5 Job elsewhere/audit jobs [before-hook-creation]",
		"5 Pod shop/journey pods [before-hook-creation hook-succeeded]",
		"9 Unknown /unknown  [before-hook-creation]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("test hooks (-want +got):\n%s", diff)
	}

	if text := deployed.Redact("log in as of-the-test-account"); text != "log in as [redacted]" {
		t.Errorf("got %q, want the Secret of the hook redacted", text)
	}
}

func rendered(t *testing.T, p *chart.Prepared) *release.Release {
	t.Helper()
	c, err := p.Chart()
	if err != nil {
		t.Fatal(err)
	}
	install := action.NewInstall(&action.Configuration{Log: func(string, ...any) {}})
	install.ClientOnly = true
	install.DryRun = true
	install.ReleaseName, install.Namespace = "shop", "shop"
	rel, err := install.Run(c, p.Values())
	if err != nil {
		t.Fatal(err)
	}
	return rel
}
