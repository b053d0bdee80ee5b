package release

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/helmkube"
	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
)

// refuse rejects the writes, but not the dry runs, of objects below path.
func refuse(path string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet || r.URL.Query().Get("dryRun") != "" || !strings.Contains(r.URL.Path, path) {
			return false
		}
		code, body := releasetest.Status(403, "Forbidden", "denied by a webhook without dry run")
		releasetest.Respond(w, code, body)
		return true
	}
}

const gadgetTemplate = "apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: one}\nspec: {size: 1}\n"

const configMapPath = "/api/v1/namespaces/shop/configmaps/shop-config"

// withKey returns the shop with a further key in its ConfigMap, and a template.
func withKey(t *testing.T, template string) chart.Desired {
	t.Helper()
	d := shopWith(t, template)
	d.Chart = releasetest.ChangeChart(t, d.Chart, "all.yaml", "name: shop-config", "name: shop-config\n  labels: {further: \"yes\"}")
	return d
}

func TestClient_ApplyUnfinished(t *testing.T) {
	t.Parallel()
	t.Run("records and later undoes what was applied before a rejection", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		mustApply(t, c, shop())
		server.Intercept(refuse("/gadgets"))
		revision, err := c.Apply(t.Context(), withKey(t, gadgetTemplate), event.Discard)
		var unfinished *UnfinishedError
		if !errors.As(err, &unfinished) || unfinished.Extent != helmkube.Some || revision != 2 || !strings.HasSuffix(err.Error(), "(some objects of revision 2 are applied)") {
			t.Fatalf("got revision %d, %v, want some applied objects", revision, err)
		}
		if fault.ClassOf(err) != fault.Apply {
			t.Errorf("got class %q, want %q", fault.ClassOf(err), fault.Apply)
		}
		history := mustHistory(t, c)
		if !history[0].Current || history[0].Partly || !history[1].Partly || history[1].Current {
			t.Errorf("got %+v, want revision 1 current and revision 2 partly applied", history)
		}
		if status, err := c.Status(t.Context()); err != nil || !status.Partly {
			t.Errorf("got status %+v, %v, want a partly applied revision", status.Revision, err)
		}
		server.Intercept(nil)
		if revision, _ := mustApply(t, c, shop()); revision != 3 {
			t.Errorf("got revision %d, want 3", revision)
		}
		if label := chart.Lookup(server.Get(configMapPath), []string{"metadata", "labels", "further"}); label != nil {
			t.Errorf("got label %v of revision 2, want none", label)
		}
	})

	t.Run("makes a revision current whose post-upgrade hook failed", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{WatchHook: func(context.Context, RunningHook, time.Duration, func(string) string, event.Reporter) error {
			return fault.New(fault.Unhealthy, errors.New("seed: exit code 1"), "")
		}})
		mustApply(t, c, shop())
		mustVerify(t, c, 1)
		_, err := c.Apply(t.Context(), withKey(t, strings.Replace(hookJob, "pre-install,pre-upgrade", "post-upgrade", 1)), event.Discard)
		var unfinished *UnfinishedError
		if !errors.As(err, &unfinished) || unfinished.Extent != helmkube.All || !strings.Contains(err.Error(), "post-upgrade hook: seed: exit code 1 (objects of revision 2 are applied)") {
			t.Fatalf("got %v, want all objects applied", err)
		}
		history := mustHistory(t, c)
		if history[0].Current || history[0].Status != "superseded" || !history[1].Current || history[1].Status != "failed" {
			t.Errorf("got %+v, want the failed revision 2 current", history)
		}
		if _, err := c.Deployed(t.Context()); !errors.Is(err, ErrNotFound) {
			t.Errorf("got %v, want no deployed revision", err)
		}
		if revision, err := c.Rollback(t.Context(), 0, event.Discard); err != nil || revision != 3 {
			t.Fatal(revision, err)
		}
		if label := chart.Lookup(server.Get(configMapPath), []string{"metadata", "labels", "further"}); label != nil {
			t.Errorf("got label %v of revision 2, want none", label)
		}
	})

	t.Run("rolls back from a revision that changed nothing", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		mustApply(t, c, shop())
		mustVerify(t, c, 1)
		mustApply(t, c, withKey(t, "")) // runs, not verified
		d := shop()
		d.Set = []string{"services.auth.port=4009"}
		server.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
			return !strings.Contains(r.URL.Path, "sh.helm.release") && !strings.HasSuffix(r.URL.Path, "/secrets") && refuse("/")(w, r)
		})
		if _, err := c.Apply(t.Context(), d, event.Discard); err == nil {
			t.Fatal("got no error, want a rejection")
		}
		server.Intercept(nil)
		if revision, err := c.Rollback(t.Context(), 0, event.Discard); err != nil || revision != 4 {
			t.Fatal(revision, err)
		}
		if label := chart.Lookup(server.Get(configMapPath), []string{"metadata", "labels", "further"}); label != nil {
			t.Errorf("got label %v of revision 2, want none", label)
		}
	})
}

const claimTemplate = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {accessModes: [ReadWriteOnce]}\n"

const claimPath = "/api/v1/namespaces/shop/persistentvolumeclaims/data"

func TestClient_ApplyAfterUnfinished(t *testing.T) {
	t.Parallel()
	t.Run("deletes the objects of the unfinished revision, but no volumes and nothing of others", func(t *testing.T) {
		t.Parallel()
		const minePath, theirsPath = "/api/v1/namespaces/shop/configmaps/mine", "/api/v1/namespaces/shop/configmaps/theirs"
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		mustApply(t, c, shop())
		server.Intercept(refuse("/gadgets"))
		more := "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: mine}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: theirs}\n"
		if _, err := c.Apply(t.Context(), shopWith(t, gadgetTemplate+"---\n"+claimTemplate+more), event.Discard); err == nil {
			t.Fatal("got no error, want a rejection")
		}
		server.Intercept(nil)
		server.Set(t, theirsPath, func(o map[string]any) { delete(o["metadata"].(map[string]any), "annotations") })
		mustApply(t, c, shop())
		for path, want := range map[string]bool{claimPath: true, theirsPath: true, minePath: false} {
			if got := server.Get(path) != nil; got != want {
				t.Errorf("%s: got exists %t, want %t", path, got, want)
			}
		}
	})
}

func TestClient_RollbackUnfinished(t *testing.T) {
	t.Parallel()
	t.Run("keeps the revision deployed if nothing was changed", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := upgraded(t, server)
		server.Intercept(refuse("/deployments"))
		_, err := c.Rollback(t.Context(), 0, event.Discard)
		if fault.ClassOf(err) != fault.Rollback {
			t.Errorf("got %v, want a failed rollback", err)
		}
		history := mustHistory(t, c)
		if history[1].Status != "deployed" || !history[1].Current || history[2].Status != "failed" || history[2].Partly {
			t.Errorf("got %+v, want revision 2 deployed", history)
		}
	})
}
