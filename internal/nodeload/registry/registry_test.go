package registry

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	digest "github.com/opencontainers/go-digest"
)

func send(r *Registry, method, path, token, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	request := httptest.NewRequest(method, "/v2/tkdeploy/"+path, strings.NewReader(body))
	request.Header.Set("Authorization", "Bearer "+token)
	r.ServeHTTP(w, request)
	return w
}

func TestRegistry_ServeHTTP(t *testing.T) {
	t.Parallel()
	layer := digest.FromString("layer")
	for name, test := range map[string]struct {
		method, path, token, body string
		want                      int
	}{
		"refuses requests without the token":    {"HEAD", "blobs/" + layer.String(), "other", "", http.StatusUnauthorized},
		"has blobs that are not required":       {"HEAD", "blobs/" + digest.FromString("base").String(), "secret", "", http.StatusOK},
		"lacks a required blob":                 {"HEAD", "blobs/" + layer.String(), "secret", "", http.StatusNotFound},
		"lacks every manifest":                  {"HEAD", "manifests/1", "secret", "", http.StatusNotFound},
		"starts an upload":                      {"POST", "blobs/uploads/", "secret", "", http.StatusAccepted},
		"accepts a required blob":               {"PUT", "blobs/uploads/1?digest=" + layer.String(), "secret", "layer", http.StatusCreated},
		"refuses another content":               {"PUT", "blobs/uploads/1?digest=" + layer.String(), "secret", "other", http.StatusBadRequest},
		"refuses a blob that is not required":   {"PUT", "blobs/uploads/1?digest=" + digest.FromString("x").String(), "secret", "x", http.StatusBadRequest},
		"refuses a digest that is a path":       {"PUT", "blobs/uploads/1?digest=sha256:../../x", "secret", "x", http.StatusBadRequest},
		"accepts a manifest":                    {"PUT", "manifests/1", "secret", "{}", http.StatusCreated},
		"refuses a manifest that is too large":  {"PUT", "manifests/1", "secret", strings.Repeat(" ", manifestLimit+1), http.StatusBadRequest},
		"does not return blobs":                 {"GET", "blobs/" + layer.String(), "secret", "", http.StatusMethodNotAllowed},
		"does not continue an upload in pieces": {"PATCH", "blobs/uploads/1", "secret", "layer", http.StatusMethodNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := New(t.TempDir(), "secret", func() {})
			r.Require(layer)
			if got := send(r, test.method, test.path, test.token, test.body); got.Code != test.want {
				t.Errorf("got status %d %s, want %d", got.Code, got.Body, test.want)
			}
			if want := test.token == "secret"; r.Reached() != want {
				t.Errorf("got reached %t, want %t", r.Reached(), want)
			}
		})
	}
}

func TestRegistry_Blobs(t *testing.T) {
	t.Parallel()
	r := New(t.TempDir(), "secret", func() {})
	layer := digest.FromString("layer")
	r.Require(layer)
	send(r, "PUT", "blobs/uploads/1?digest="+layer.String(), "secret", "layer")
	send(r, "PUT", "manifests/1", "secret", "{}")
	sizes := map[digest.Digest]int64{}
	for d, b := range r.Blobs() {
		sizes[d] = b.Size
	}
	if diff := cmp.Diff(map[digest.Digest]int64{layer: 5, digest.FromString("{}"): 2}, sizes); diff != "" {
		t.Error(diff)
	}
	if root, found := r.Root("1"); !found || root.Digest != digest.FromString("{}") {
		t.Errorf("got root %v, %t, want the manifest", root, found)
	}
}

func TestRegistry_headBlob(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body string
		want int
	}{
		"waits for another upload":                  {"layer", http.StatusOK},
		"lacks the blob after another upload fails": {"other", http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := New(t.TempDir(), "secret", func() {})
			layer := digest.FromString("layer")
			r.Require(layer)
			if got := send(r, "HEAD", "blobs/"+layer.String(), "secret", ""); got.Code != http.StatusNotFound {
				t.Fatalf("first HEAD: got status %d, want %d", got.Code, http.StatusNotFound)
			}
			var second sync.WaitGroup
			var got int
			second.Go(func() { got = send(r, "HEAD", "blobs/"+layer.String(), "secret", "").Code })
			send(r, "PUT", "blobs/uploads/1?digest="+layer.String(), "secret", test.body)
			second.Wait()
			if got != test.want {
				t.Errorf("got status %d, want %d", got, test.want)
			}
		})
	}
}
