package release

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
)

func respondStatus(w http.ResponseWriter, code int, reason metav1.StatusReason) {
	_, body := releasetest.Status(code, reason, "not now")
	releasetest.Respond(w, code, body)
}

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

	for name, test := range map[string]struct {
		respond func(http.ResponseWriter)
		want    fault.Class
	}{
		"is inconclusive if a live object gets no response": {func(w http.ResponseWriter) {
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				conn.Close()
			}
		}, fault.Inconclusive},
		"is inconclusive if the API server is overloaded": {func(w http.ResponseWriter) {
			respondStatus(w, 503, metav1.StatusReasonServiceUnavailable)
		}, fault.Inconclusive},
		"fails if a live object may not be read": {func(w http.ResponseWriter) {
			respondStatus(w, 403, metav1.StatusReasonForbidden)
		}, fault.Apply},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := releasetest.NewServer(t)
			mustApply(t, newClient(t, server, Options{}), shop())
			server.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.Contains(r.URL.Path, "/deployments") {
					return false
				}
				test.respond(w)
				return true
			})
			if _, err := newClient(t, server, Options{}).Observe(t.Context(), shop()); fault.ClassOf(err) != test.want {
				t.Errorf("got %v of class %q, want class %q", err, fault.ClassOf(err), test.want)
			}
		})
	}

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
