package release

import (
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
)

func TestClient_Status(t *testing.T) {
	t.Parallel()
	t.Run("returns ErrNotFound without a release", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, releasetest.NewServer(t), Options{})
		if _, err := c.Status(t.Context()); !errors.Is(err, ErrNotFound) {
			t.Errorf("Status: %v", err)
		}
		if _, err := c.Deployed(t.Context()); !errors.Is(err, ErrNotFound) {
			t.Errorf("Deployed: %v", err)
		}
		if _, err := c.History(t.Context()); !errors.Is(err, ErrNotFound) {
			t.Errorf("History: %v", err)
		}
	})

	// status is what one looks at after an install that broke off.
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
			t.Fatal("the install did not break off")
		}
		got, err := c.Status(t.Context())
		if err != nil || len(got.Objects) != 4 || got.Status == "deployed" {
			t.Errorf("%d objects, status %q, %v", len(got.Objects), got.Status, err)
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
			t.Errorf("%s is in %q", chart.ObjectName(o), o.GetNamespace())
		}
	}
	seen, err := c.Observe(t.Context(), shop())
	if err != nil || seen.Deployed == nil || !reflect.DeepEqual(seen.Deployed.Objects, deployed.Objects) {
		t.Errorf("the observation has %+v, %v", seen.Deployed, err)
	}
}
