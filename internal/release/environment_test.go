package release

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
)

func TestOpen(t *testing.T) {
	// Not parallel, because it changes the environment.
	t.Run("ignores KUBECONFIG and HELM variables", func(t *testing.T) {
		var requests atomic.Int32
		other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
		t.Cleanup(other.Close)
		dir := releasetest.WriteFiles(t, map[string]string{"config": "apiVersion: v1\nkind: Config\ncurrent-context: c\n" +
			"clusters: [{name: c, cluster: {server: '" + other.URL + "'}}]\n" +
			"contexts: [{name: c, context: {cluster: c, user: u, namespace: other}}]\nusers: [{name: u}]\n"})
		for name, value := range map[string]string{
			"KUBECONFIG": filepath.Join(dir, "config"), "HELM_KUBECONTEXT": "c", "HELM_KUBEAPISERVER": other.URL,
			"HELM_NAMESPACE": "other", "HELM_DRIVER": "configmap", "HELM_KUBETOKEN": "x",
		} {
			t.Setenv(name, value)
		}
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		mustApply(t, c, shop())
		if o := mustObserve(t, c, shop()); !o.Current {
			t.Errorf("got %+v, want current", o)
		}
		if server.Get("/api/v1/namespaces/shop/secrets/sh.helm.release.v1.shop.v1") == nil {
			t.Error("got no record in the namespace of the release, want one")
		}
		if n := requests.Load(); n != 0 {
			t.Errorf("got %d requests to the other cluster, want none", n)
		}
	})
}
