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

	t.Run("names the event of a hook that fails", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, releasetest.NewServer(t), Options{WatchHook: func(context.Context, RunningHook, time.Duration, func(string) string, event.Reporter) error {
			return fault.New(fault.Unhealthy, errors.New("migrate: exit code 1"), "")
		}})
		mustApply(t, c, shopWith(t, strings.Replace(hookJob, "pre-install,pre-upgrade", "post-delete", 1)))
		if err := c.Uninstall(t.Context(), event.Discard); err == nil || !strings.Contains(err.Error(), "post-delete hook: migrate: exit code 1") {
			t.Errorf("got %v, want a failed post-delete hook", err)
		}
	})

	t.Run("returns the cancellation, not the hook that it ended", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		c := newClient(t, releasetest.NewServer(t), Options{WatchHook: func(context.Context, RunningHook, time.Duration, func(string) string, event.Reporter) error {
			cancel()
			return errors.New("migrate: exit code 1")
		}})
		mustApply(t, c, shopWith(t, strings.Replace(hookJob, "pre-install,pre-upgrade", "pre-delete", 1)))
		if err := c.Uninstall(ctx, event.Discard); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
}
