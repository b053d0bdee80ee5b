package drift

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"helm.sh/helm/v3/pkg/release"

	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
)

const autoscalersPath = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"

const storeAutoscaler = `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: store}
spec: {maxReplicas: 9, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: auth-service}}
`

func autoscaler(annotations map[string]any) map[string]any {
	return map[string]any{
		"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
		"metadata": map[string]any{"name": "theirs", "namespace": "shop", "annotations": annotations},
		"spec":     map[string]any{"scaleTargetRef": map[string]any{"kind": "Deployment", "name": "auth-service"}},
	}
}

func scaleTo(t *testing.T, server *releasetest.Server, replicas int, manager string) {
	t.Helper()
	server.Set(t, deploymentPath, func(o map[string]any) {
		o["spec"].(map[string]any)["replicas"] = float64(replicas)
		if manager != "" {
			o["metadata"].(map[string]any)["managedFields"] = []any{map[string]any{"manager": manager, "subresource": "scale", "operation": "Update"}}
		}
	})
}

func TestClient_CompareReplicas(t *testing.T) {
	t.Parallel()
	const differs = "Deployment auth-service: spec.replicas 5, desired 2"
	own := map[string]any{"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": "shop"}
	for name, test := range map[string]struct {
		more    string // of the manifest
		live    map[string]any
		manager string
		want    string
	}{
		"reports replicas that a user has set":                           {manager: "kubectl", want: differs},
		"ignores those of an autoscaler of the manifest":                 {more: "---" + storeAutoscaler},
		"ignores those of an autoscaler of others":                       {live: autoscaler(nil)},
		"reports those of an autoscaler that the manifest no longer has": {live: autoscaler(own), want: differs},
		"ignores those of KEDA":                                          {manager: "keda-operator"},
		"reports those of a former autoscaler":                           {manager: "kube-controller-manager", want: differs},
		"reports those of another tool":                                  {manager: "k9s", want: differs},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := releasetest.NewServer(t)
			c, rel := deployed(t, server, test.more)
			scaleTo(t, server, 5, test.manager)
			if test.live != nil {
				server.Put(autoscalersPath+"/theirs", test.live)
			}
			expect(t, c, rel, test.want)
		})
	}
	t.Run("lists autoscalers only if replicas differ", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c, rel := deployed(t, server, "")
		var mu sync.Mutex
		var requests []string
		server.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
			mu.Lock()
			defer mu.Unlock()
			requests = append(requests, r.URL.Path)
			return false
		})
		expect(t, c, rel, "")
		if slices.Contains(requests, autoscalersPath) {
			t.Errorf("got requests %q, want no list of autoscalers", requests)
		}
	})
}

func TestClient_KeptReplicas(t *testing.T) {
	t.Parallel()
	server := releasetest.NewServer(t)
	c, rel := deployed(t, server, "")
	changed := &release.Release{Version: 2, Manifest: strings.Replace(rel.Manifest, "replicas: 2", "replicas: 3", 1)}
	preflight := func(t *testing.T) (int64, bool) {
		t.Helper()
		if err := c.Preflight(t.Context(), rel, changed); err != nil {
			t.Fatal(err)
		}
		return c.KeptReplicas("Deployment", "shop", "auth-service")
	}
	scaleTo(t, server, 5, "")
	t.Run("are none without an autoscaler", func(t *testing.T) {
		if n, ok := preflight(t); ok {
			t.Errorf("got %d, want none", n)
		}
	})
	t.Run("are those of an autoscaler", func(t *testing.T) {
		server.Put(autoscalersPath+"/theirs", autoscaler(nil))
		if n, ok := preflight(t); !ok || n != 5 {
			t.Errorf("got %d, %t, want 5", n, ok)
		}
	})
	t.Run("are none after it is gone", func(t *testing.T) {
		server.Remove(autoscalersPath + "/theirs")
		if n, ok := preflight(t); ok {
			t.Errorf("got %d, want none", n)
		}
	})
}
