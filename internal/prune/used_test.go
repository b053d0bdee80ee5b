package prune

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/images/prune"
)

// record returns a Secret with a revision of a release, as Helm stores it.
func record(t *testing.T, revision int, status, image string) map[string]any {
	t.Helper()
	manifest := "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: \"" + image + "\"}]}\n"
	text, err := json.Marshal(map[string]any{
		"name": "shop", "namespace": "shop", "version": revision, "manifest": manifest, "info": map[string]any{"status": status},
	})
	enginetest.NoError(t, err)
	var zipped bytes.Buffer
	gz := gzip.NewWriter(&zipped)
	_, _ = gz.Write(text)
	enginetest.NoError(t, gz.Close())
	encoded := base64.StdEncoding.EncodeToString(zipped.Bytes())
	return map[string]any{
		"metadata": map[string]any{
			"name": fmt.Sprintf("sh.helm.release.v1.shop.v%d", revision), "namespace": "shop",
			"labels": map[string]string{"owner": "helm", "name": "shop", "version": fmt.Sprint(revision), "status": status},
		},
		"type": "helm.sh/release.v1", "data": map[string]string{"release": base64.StdEncoding.EncodeToString([]byte(encoded))},
	}
}

func TestUsedImages(t *testing.T) {
	f := newFixture(t)
	provider := "kind://docker/shop-dev/shop-dev-control-plane"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		list := func(kind string, items ...any) {
			enginetest.Respond(w, http.StatusOK, map[string]any{"apiVersion": "v1", "kind": kind, "items": items})
		}
		switch {
		case strings.HasSuffix(r.URL.Path, "/nodes"):
			list("NodeList", map[string]any{"metadata": map[string]any{"name": "shop-dev-control-plane"}, "spec": map[string]any{"providerID": provider}})
		case strings.HasSuffix(r.URL.Path, "/pods"):
			list("PodList", map[string]any{"metadata": map[string]any{"name": "web"}, "spec": map[string]any{
				"initContainers": []any{map[string]any{"name": "init", "image": "init:1"}}, "containers": []any{map[string]any{"name": "web", "image": "live:1"}},
			}})
		case strings.HasSuffix(r.URL.Path, "/secrets"):
			list("SecretList", record(t, 1, "superseded", "web:first"), record(t, 2, "failed", "web:failed"), record(t, 3, "deployed", "web:current"))
		default:
			enginetest.Respond(w, http.StatusNotFound, map[string]any{"kind": "Status", "code": 404})
		}
	}))
	t.Cleanup(server.Close)
	state := filepath.Join(f.state, "shop-dev")
	enginetest.WriteFiles(t, state, map[string]string{"kubeconfig": fmt.Sprintf(
		"apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: %q}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {}}]\ncurrent-context: c\n", server.URL)})
	found := prune.Cluster{Name: "shop-dev", Owner: "shop/dev", StateDir: state}

	got, err := usedImages(t.Context(), f.pruner.session, found)
	enginetest.NoError(t, err)
	slices.Sort(got)
	want := []string{"init:1", "live:1", "web:current", "web:failed", "web:first"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}

	provider = "kind://docker/other/other-control-plane"
	if _, err := usedImages(t.Context(), f.pruner.session, found); err == nil || !strings.Contains(err.Error(), "leads to another cluster") {
		t.Errorf("got %v, want the other cluster", err)
	}
}
