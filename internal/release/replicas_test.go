package release

import (
	"testing"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
)

// An autoscaler that is not in the chart, such as one that a team creates by hand, or
// KEDA's for a ScaledObject.
func TestClient_KeepsReplicas(t *testing.T) {
	t.Parallel()
	const autoscalerPath = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers/theirs"
	autoscaler := map[string]any{
		"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": map[string]any{"name": "theirs", "namespace": "shop"},
		"spec": map[string]any{"maxReplicas": 9, "scaleTargetRef": map[string]any{"kind": "Deployment", "name": "auth-service"}},
	}
	server := releasetest.NewServer(t)
	c := newClient(t, server, Options{})
	d := shop()
	mustApply(t, c, d)
	mustVerify(t, c, 1)
	scale := func(t *testing.T, n int) {
		t.Helper()
		server.Set(t, deploymentPath, func(o map[string]any) { o["spec"].(map[string]any)["replicas"] = float64(n) })
	}
	expect := func(t *testing.T, want float64) {
		t.Helper()
		if got := chart.Lookup(server.Get(deploymentPath), []string{"spec", "replicas"}); got != want {
			t.Errorf("got %v replicas, want %v", got, want)
		}
	}
	server.Put(autoscalerPath, autoscaler)
	scale(t, 5)
	t.Run("are no drift", func(t *testing.T) {
		if o := mustObserve(t, c, d); !o.Current {
			t.Errorf("got %+v, want current", o)
		}
	})
	t.Run("are kept by an upgrade", func(t *testing.T) {
		d.Set = []string{"services.auth.port=4009"}
		mustApply(t, c, d)
		expect(t, 5)
		if o := mustObserve(t, c, d); !o.Current {
			t.Errorf("got %+v, want current", o)
		}
	})
	t.Run("are kept by an upgrade that changes the chart's replicas", func(t *testing.T) {
		d.Set = []string{"services.auth.port=4009", "services.auth.replicas=3"}
		mustApply(t, c, d)
		expect(t, 5)
	})
	t.Run("are kept by a rollback", func(t *testing.T) {
		scale(t, 4)
		if _, err := c.Rollback(t.Context(), 1, event.Discard); err != nil {
			t.Fatal(err)
		}
		expect(t, 4)
	})
	t.Run("are the chart's again without the autoscaler", func(t *testing.T) {
		server.Remove(autoscalerPath)
		if o := mustObserve(t, c, shop()); o.Reason != "Deployment auth-service: spec.replicas 4, desired 2" {
			t.Errorf("got %+v, want the drift", o)
		}
		mustApply(t, c, shop())
		expect(t, 2)
	})

	t.Run("are kept when the chart leaves them to an autoscaler", func(t *testing.T) {
		scale(t, 5)
		d := shopWith(t, "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\nspec: {maxReplicas: 9, scaleTargetRef: {kind: Deployment, name: auth-service}}\n")
		d.Chart = releasetest.ChangeChart(t, d.Chart, "all.yaml", "  replicas: {{ .replicas }}\n", "")
		mustApply(t, c, d)
		expect(t, 5)
	})
}
