package release

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
)

func TestClient_Status(t *testing.T) {
	t.Parallel()
	t.Run("returns ErrNotFound without a release", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, releasetest.NewServer(t), Options{})
		if _, err := c.Status(t.Context()); !errors.Is(err, ErrNotFound) {
			t.Errorf("Status: got %v, want %v", err, ErrNotFound)
		}
		if _, err := c.Deployed(t.Context()); !errors.Is(err, ErrNotFound) || fault.ClassOf(err) != fault.Apply {
			t.Errorf("Deployed: got %v of class %q, want %v of class %q", err, fault.ClassOf(err), ErrNotFound, fault.Apply)
		}
		if _, err := c.History(t.Context()); !errors.Is(err, ErrNotFound) {
			t.Errorf("History: got %v, want %v", err, ErrNotFound)
		}
	})

	t.Run("has the objects of a failed install", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		server.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/deployments") && r.URL.Query().Get("dryRun") == "" {
				http.Error(w, "no", http.StatusForbidden)
				return true
			}
			return false
		})
		if _, err := c.Apply(t.Context(), shop(), event.Discard); err == nil {
			t.Fatal("got an install, want an error")
		}
		got, err := c.Status(t.Context())
		if err != nil || len(got.Objects) != 4 || got.Status == "deployed" {
			t.Errorf("got %d objects, status %q, %v, want 4 objects, not deployed", len(got.Objects), got.Status, err)
		}
	})
}

func TestClient_Deployed(t *testing.T) {
	t.Parallel()
	c := newClient(t, releasetest.NewServer(t), Options{})
	mustApply(t, c, shop())
	deployed, err := c.Deployed(t.Context())
	if err != nil || len(deployed.Objects) != 4 {
		t.Fatal(deployed, err)
	}
	for _, o := range deployed.Objects {
		if o.GetNamespace() != "shop" {
			t.Errorf("%s: got namespace %q, want shop", chart.ObjectName(o), o.GetNamespace())
		}
	}
	seen, err := c.Observe(t.Context(), shop())
	if err != nil || seen.Deployed == nil {
		t.Fatalf("got %+v, %v, want the deployed revision", seen.Deployed, err)
	}
	if diff := cmp.Diff(deployed.Objects, seen.Deployed.Objects); diff != "" {
		t.Errorf("observed objects (-want +got):\n%s", diff)
	}
}
