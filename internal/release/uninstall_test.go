package release

import (
	"net/http"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
)

func TestClient_Uninstall(t *testing.T) {
	t.Parallel()
	t.Run("succeeds again without a release", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		mustApply(t, c, shop())
		r := &recorder{}
		if err := c.Uninstall(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		// Four objects and one record.
		if got := r.finished(t); got.Mutations != 5 {
			t.Errorf("got %+v, want 5 mutations", got)
		}
		if server.Get(deploymentPath) != nil {
			t.Error("got a Deployment, want none")
		}
		if err := c.Uninstall(t.Context(), r); err != nil || r.finished(t).Outcome != event.Unchanged {
			t.Errorf("second run: got %v, %+v, want unchanged", err, r.finished(t))
		}
	})

	t.Run("reports causes that Helm only logs", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		mustApply(t, c, shop())
		server.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodDelete && r.URL.Path == deploymentPath {
				code, body := releasetest.Status(403, "Forbidden", `deployments.apps "auth-service" is forbidden: not yours`)
				releasetest.Respond(w, code, body)
				return true
			}
			return false
		})
		err := c.Uninstall(t.Context(), event.Discard)
		if fault.ClassOf(err) != fault.Down || !strings.Contains(err.Error(), `deployments.apps "auth-service" is forbidden: not yours`) {
			t.Errorf("got %v, want the rejected deletion", err)
		}
	})

	t.Run("reports a failed item if it cannot delete an object of an earlier revision", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		const extra = "/api/v1/namespaces/shop/configmaps/extra"
		mustApply(t, c, shopWith(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\n"))
		left := server.Get(extra)
		mustApply(t, c, shop())
		server.Put(extra, left)
		server.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodDelete {
				return false
			}
			code, body := releasetest.Status(403, "Forbidden", "not yours")
			releasetest.Respond(w, code, body)
			return true
		})
		r := &recorder{}
		if err := c.Uninstall(t.Context(), r); fault.ClassOf(err) != fault.Down {
			t.Errorf("got %v, want class %s", err, fault.Down)
		}
		if got := r.finished(t); got.Outcome != event.Failed {
			t.Errorf("got %+v, want a failed item", got)
		}
	})
}
