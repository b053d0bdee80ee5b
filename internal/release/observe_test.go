package release

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
)

func TestClient_Observe(t *testing.T) {
	t.Parallel()
	t.Run("names changed chart files", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		d := shop()
		d.Chart = releasetest.CopyChart(t, shopChart)
		mustApply(t, c, d)
		template := filepath.Join(d.Chart, "templates", "all.yaml")
		data, err := os.ReadFile(template)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(template, append(data, "\n# changed\n"...), 0o600); err != nil {
			t.Fatal(err)
		}
		if o := mustObserve(t, c, d); o.Reason != "chart changed: templates/all.yaml" {
			t.Errorf("got %+v, want the changed template", o)
		}
	})

	// After `kubectl delete namespace`, all objects exist for a moment.
	t.Run("reports a terminating namespace", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		mustApply(t, c, shop())
		server.Put(namespacePath, terminating())
		got, err := c.Observe(t.Context(), shop())
		if err != nil || got.Current || got.Reason != "namespace shop is being deleted" {
			t.Errorf("got %+v, %v, want the namespace being deleted", got, err)
		}
	})

	t.Run("reports a damaged record", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		mustApply(t, c, shop())
		server.Set(t, "/api/v1/namespaces/shop/secrets/sh.helm.release.v1.shop.v1", func(o map[string]any) {
			o["data"] = map[string]any{"release": "eHh4"}
		})
		_, err := c.Observe(t.Context(), shop())
		if err == nil || !strings.Contains(err.Error(), "cannot be decoded") {
			t.Errorf("got %v, want a record that cannot be decoded", err)
		}
	})
}
