package release

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/release"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
)

// upgraded returns a client of a release with a verified revision 1 and a revision 2 with
// another image.
func upgraded(t *testing.T, server *releasetest.Server) *Client {
	t.Helper()
	c := newClient(t, server, Options{})
	d := shop()
	d.Commit = "abc123"
	mustApply(t, c, d)
	mustVerify(t, c, 1)
	d.Commit, d.Images = "def456", map[string]chart.ImageRef{"services.auth.image": {Repository: "shop-auth", Tag: "2"}}
	mustApply(t, c, d)
	server.TakeWrites()
	return c
}

func deployedImage(s *releasetest.Server) any {
	containers := chart.Lookup(s.Get(deploymentPath), []string{"spec", "template", "spec", "containers"}).([]any)
	return containers[0].(map[string]any)["image"]
}

func TestClient_Rollback(t *testing.T) {
	t.Parallel()
	t.Run("restores the objects as a new revision", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := upgraded(t, server)
		r := &recorder{}
		revision, err := c.Rollback(t.Context(), 0, r)
		if err != nil || revision != 3 {
			t.Fatal(revision, err)
		}
		// Revision and Deployment.
		if got := r.finished(t); got.Mutations != 2 || got.Message != "revision 3, restored from revision 1" {
			t.Errorf("got %+v, want revision 3 with 2 mutations", got)
		}
		if image := deployedImage(server); image != "shop-auth:1" {
			t.Errorf("got image %v, want shop-auth:1", image)
		}
		history := mustHistory(t, c)
		first, last := history[0], history[2]
		if last.Verified || !last.Current || last.Status != "deployed" || last.Description != "Rollback to 1" {
			t.Errorf("got %+v, want a deployed, unverified rollback to 1", last)
		}
		if last.Fingerprint != first.Fingerprint || last.Commit != "abc123" {
			t.Errorf("got %+v, want fingerprint and commit of %+v", last, first)
		}
		if history[1].Status != "superseded" || !first.Verified || first.Current {
			t.Errorf("got %+v, want revision 2 superseded and revision 1 verified", history)
		}
		if o := mustObserve(t, c, shop()); !o.Current {
			t.Errorf("next run with the sources of revision 1: got %+v, want current", o)
		}
		if !slices.Equal(last.Images, []string{"shop-auth:1"}) {
			t.Errorf("got images %v, want shop-auth:1", last.Images)
		}
	})

	t.Run("never goes to the running state", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := upgraded(t, server)
		if _, err := c.Rollback(t.Context(), 0, event.Discard); err != nil {
			t.Fatal(err)
		}
		r := &recorder{} // as after a crash before the smoke test
		if revision, err := c.Rollback(t.Context(), 0, r); err != nil || revision != 3 || r.finished(t).Outcome != event.Unchanged {
			t.Errorf("got revision %d, %v, want revision 3 unchanged", revision, err)
		}
		mustVerify(t, c, 3)
		server.TakeWrites()
		_, err := c.Rollback(t.Context(), 0, event.Discard)
		const want = "revision 2 (not verified), revision 1 (identical to the current one)"
		if !errors.Is(err, ErrNoTarget) || fault.ClassOf(err) != fault.Rollback || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		if writes := server.TakeWrites(); len(writes) > 0 {
			t.Errorf("got writes %v, want none", writes)
		}
	})

	t.Run("keeps the replicas of an autoscaler", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		d := shop()
		d.Chart = releasetest.ChangeChart(t, shopChart, "all.yaml", "  replicas: {{ .replicas }}\n", "")
		mustApply(t, c, d)
		mustVerify(t, c, 1)
		d.Set = []string{"services.auth.port=4009"}
		mustApply(t, c, d)
		server.Set(t, deploymentPath, func(o map[string]any) { o["spec"].(map[string]any)["replicas"] = float64(4) })
		if _, err := c.Rollback(t.Context(), 0, event.Discard); err != nil {
			t.Fatal(err)
		}
		if got := chart.Lookup(server.Get(deploymentPath), []string{"spec", "replicas"}); got != float64(4) {
			t.Errorf("got %v replicas, want 4", got)
		}
	})

	t.Run("leaves nothing pending after a failed hook", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{WatchHook: func(context.Context, RunningHook, time.Duration, func(string) string, event.Reporter) error {
			return fault.New(fault.Unhealthy, errors.New("before: exit code 1"), "")
		}})
		d := shop()
		d.Chart = releasetest.ChangeChart(t, shopChart, "all.yaml", "apiVersion: v1\nkind: ConfigMap", `apiVersion: batch/v1
kind: Job
metadata: {name: before, annotations: {helm.sh/hook: pre-rollback}}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: "a:1"}]}}}
---
apiVersion: v1
kind: ConfigMap`)
		mustApply(t, c, d)
		mustVerify(t, c, 1)
		d.Set = []string{"services.auth.port=4009"}
		mustApply(t, c, d)
		revision, err := c.Rollback(t.Context(), 0, event.Discard)
		if revision != 3 || fault.ClassOf(err) != fault.Rollback || !strings.Contains(err.Error(), "pre-rollback hook") {
			t.Errorf("got revision %d, %v, want revision 3 with a failed hook", revision, err)
		}
		if err := c.MarkVerified(t.Context(), 3); err != nil { // revision 2 is still running, so this has no effect
			t.Fatal(err)
		}
		history := mustHistory(t, c)
		if history[2].Status != "failed" || history[2].Verified || !strings.Contains(history[2].Description, "pre-rollback hook") || !history[1].Current {
			t.Errorf("got %+v, want revision 3 failed and revision 2 current", history)
		}
		if revision, r := mustApply(t, c, d); revision != 4 || len(r.warnings()) > 0 {
			t.Errorf("next run: got revision %d, warnings %q, want revision 4 without", revision, r.warnings())
		}
	})

	t.Run("repairs an interrupted run", func(t *testing.T) {
		t.Parallel()
		for _, status := range []release.Status{release.StatusPendingUpgrade, release.StatusPendingRollback} {
			server := releasetest.NewServer(t)
			c := upgraded(t, server)
			history, err := c.helm.Releases.History(c.name)
			if err != nil {
				t.Fatal(err)
			}
			for _, rel := range history {
				if rel.Version == 2 {
					rel.SetStatus(status, "killed")
					if err := c.helm.Releases.Update(rel); err != nil {
						t.Fatal(err)
					}
				}
			}
			r := &recorder{}
			if revision, err := c.Rollback(t.Context(), 0, r); err != nil || revision != 3 {
				t.Errorf("%s: got revision %d, %v, want 3", status, revision, err)
			}
			if w := r.warnings(); len(w) != 1 || !strings.Contains(w[0], "revision 2 is "+string(status)) {
				t.Errorf("%s: got warnings %q, want one", status, w)
			}
			if history := mustHistory(t, c); history[1].Status != "failed" || deployedImage(server) != "shop-auth:1" {
				t.Errorf("%s: got %+v, want revision 2 failed", status, history)
			}
		}
	})

	t.Run("adopts kept objects as they are", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		const claim = "/api/v1/namespaces/shop/persistentvolumeclaims/store"
		mustApply(t, c, shopWith(t, `apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: store, annotations: {helm.sh/resource-policy: keep}}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
`))
		mustVerify(t, c, 1)
		server.Set(t, claim, func(o map[string]any) { // by the provisioner and a resize
			spec := o["spec"].(map[string]any)
			spec["volumeName"] = "pv-1"
			spec["resources"] = map[string]any{"requests": map[string]any{"storage": "2Mi"}}
		})
		mustApply(t, c, shop()) // without the claim
		if revision, err := c.Rollback(t.Context(), 0, event.Discard); err != nil || revision != 3 {
			t.Fatal(revision, err)
		}
		spec := server.Get(claim)["spec"]
		if chart.Lookup(spec, []string{"volumeName"}) != "pv-1" || chart.Lookup(spec, []string{"resources", "requests", "storage"}) != "2Mi" {
			t.Errorf("got %v, want the claim unchanged", spec)
		}
	})

	t.Run("refuses to take over the object of another owner", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		mustApply(t, c, shopWith(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\n"))
		mustVerify(t, c, 1)
		mustApply(t, c, shop())
		server.Put("/api/v1/namespaces/shop/configmaps/extra", map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "extra", "namespace": "shop"},
		})
		server.TakeWrites()
		_, err := c.Rollback(t.Context(), 0, event.Discard)
		if fault.ClassOf(err) != fault.Rollback || !strings.Contains(err.Error(), "ConfigMap extra: exists, but does not belong to this release") {
			t.Errorf("got %v, want the object of another owner", err)
		}
		if writes := server.TakeWrites(); len(writes) > 0 {
			t.Errorf("got writes %v, want none", writes)
		}
	})

	t.Run("deletes objects of the newer revision", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		mustApply(t, c, shop())
		mustVerify(t, c, 1)
		d := shop()
		d.Chart = releasetest.ChangeChart(t, shopChart, "all.yaml", "apiVersion: v1\nkind: ConfigMap", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\n---\napiVersion: v1\nkind: ConfigMap")
		mustApply(t, c, d)
		const extra = "/api/v1/namespaces/shop/configmaps/extra"
		if server.Get(extra) == nil {
			t.Fatal("got no ConfigMap extra in revision 2, want one")
		}
		if _, err := c.Rollback(t.Context(), 0, event.Discard); err != nil {
			t.Fatal(err)
		}
		if server.Get(extra) != nil {
			t.Error("got ConfigMap extra, want none")
		}
	})
}

func TestClient_DryRunRollback(t *testing.T) {
	t.Parallel()
	t.Run("names rejected fields and writes nothing", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := upgraded(t, server)
		server.Set(t, deploymentPath, func(o map[string]any) {
			o["spec"].(map[string]any)["selector"] = map[string]any{"matchLabels": map[string]any{"app": "new"}}
		})
		for name, try := range map[string]func() error{
			"DryRunRollback": func() error { _, err := c.DryRunRollback(t.Context(), 0); return err },
			"Rollback":       func() error { _, err := c.Rollback(t.Context(), 0, event.Discard); return err },
		} {
			err := try()
			if fault.ClassOf(err) != fault.Rollback {
				t.Errorf("%s: got class %q of %v, want %q", name, fault.ClassOf(err), err, fault.Rollback)
			}
			for _, part := range []string{"roll back to revision 1", "Deployment auth-service", "spec.selector.matchLabels.app", "field is immutable"} {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("%s: got %v, want it to contain %q", name, err, part)
				}
			}
		}
		if writes := server.TakeWrites(); len(writes) > 0 {
			t.Errorf("got writes %v, want none", writes)
		}
	})

	t.Run("refuses to delete a CRD", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := upgraded(t, server)
		history, err := c.helm.Releases.History(c.name)
		if err != nil {
			t.Fatal(err)
		}
		newest := history[slices.IndexFunc(history, func(r *release.Release) bool { return r.Version == 2 })]
		newest.Manifest += "\n---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: orders.example.com}\n"
		if err := c.helm.Releases.Update(newest); err != nil {
			t.Fatal(err)
		}
		server.TakeWrites()
		_, err = c.Rollback(t.Context(), 0, event.Discard)
		if fault.ClassOf(err) != fault.Rollback || !strings.Contains(err.Error(), "this would delete CustomResourceDefinition orders.example.com") {
			t.Errorf("got %v, want the lost CRD", err)
		}
		if writes := server.TakeWrites(); len(writes) > 0 {
			t.Errorf("got writes %v, want none", writes)
		}
	})
}

func TestClient_ResolveRollback(t *testing.T) {
	t.Parallel()
	t.Run("skips unverified revisions unless requested", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		mustApply(t, c, shop())
		d := shop()
		d.Set = []string{"services.auth.port=4009"}
		mustApply(t, c, d)
		if _, err := c.Rollback(t.Context(), 0, event.Discard); !errors.Is(err, ErrNoTarget) {
			t.Errorf("got %v, want %v", err, ErrNoTarget)
		}
		r := &recorder{}
		if revision, err := c.Rollback(t.Context(), 1, r); err != nil || revision != 3 {
			t.Errorf("got revision %d, %v, want 3", revision, err)
		}
		if w := r.warnings(); len(w) != 1 || !strings.Contains(w[0], "revision 1 was never verified") {
			t.Errorf("got warnings %q, want one about revision 1", w)
		}
	})
}
