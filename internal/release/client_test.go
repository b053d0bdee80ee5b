package release

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
)

const (
	deploymentPath = "/apis/apps/v1/namespaces/shop/deployments/auth-service"
	secretPath     = "/api/v1/namespaces/shop/secrets/shop-secrets"
	namespacePath  = "/api/v1/namespaces/shop"
)

const shopChart = "chart/testdata/chart"

func shop() chart.Desired {
	return chart.Desired{Name: "shop", Namespace: "shop", Chart: shopChart}
}

func shopWith(t *testing.T, template string) chart.Desired {
	t.Helper()
	d := shop()
	d.Chart = releasetest.CopyChart(t, shopChart)
	if err := os.WriteFile(filepath.Join(d.Chart, "templates", "more.yaml"), []byte(template), 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

func newClient(t *testing.T, s *releasetest.Server, o Options) *Client {
	t.Helper()
	return openClient(t, &rest.Config{Host: s.URL}, o)
}

func openClient(t *testing.T, config *rest.Config, o Options) *Client {
	t.Helper()
	o.Grace = max(o.Grace, 50*time.Millisecond)
	o.NamespacePoll = time.Millisecond
	config.ContentType = "application/json"
	c, err := Open(Target{Config: config, Namespace: "shop", Name: "shop"}, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type recorder struct{ events []event.Event }

func (r *recorder) Report(e event.Event) { r.events = append(r.events, e) }

func (r *recorder) finished(t *testing.T) event.Event {
	t.Helper()
	last := r.events[len(r.events)-1]
	if last.Kind != event.ItemFinished {
		t.Fatalf("got last event %+v, want %s", last, event.ItemFinished)
	}
	return last
}

func (r *recorder) warnings() []string {
	var all []string
	for _, e := range r.events {
		if e.Kind == event.Warning {
			all = append(all, e.Message)
		}
	}
	return all
}

func mustApply(t *testing.T, c *Client, d chart.Desired) (int, *recorder) {
	t.Helper()
	r := &recorder{}
	revision, err := c.Apply(t.Context(), d, r)
	if err != nil {
		t.Fatal(err)
	}
	return revision, r
}

func mustVerify(t *testing.T, c *Client, revision int) {
	t.Helper()
	if err := c.MarkVerified(t.Context(), revision); err != nil {
		t.Fatal(err)
	}
}

func mustObserve(t *testing.T, c *Client, d chart.Desired) Observation {
	t.Helper()
	o, err := c.Observe(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return o
}
