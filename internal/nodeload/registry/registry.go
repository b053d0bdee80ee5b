// Package registry receives the images that a Docker engine pushes. It implements
// the part of the OCI distribution API that a push of an engine with the containerd
// image store uses: such an engine sends a blob only if a HEAD request does not find
// it.
//
// A registry holds nothing at first and claims to have every blob, so the first push
// of an image sends only manifests. After [Registry.Require], another push sends the
// required blobs.
package registry

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Repository is the only repository.
const Repository = "tkdeploy"

// Registry is a registry for one load. It writes what it receives to a directory.
type Registry struct {
	dir    string
	token  string
	active func()

	mu       sync.Mutex
	reached  bool
	blobs    map[digest.Digest]Blob
	roots    map[string]ocispecs.Descriptor // by tag
	required map[digest.Digest]bool
	uploads  map[digest.Digest]chan struct{} // closed at the end of an upload
}

// Blob is a received blob or manifest.
type Blob struct {
	Path string
	Size int64
}

// New returns a registry that writes to dir and serves requests with the bearer token
// only. It calls active at each request and each part of a body.
func New(dir, token string, active func()) *Registry {
	return &Registry{
		dir: dir, token: token, active: active,
		blobs: map[digest.Digest]Blob{}, roots: map[string]ocispecs.Descriptor{},
		required: map[digest.Digest]bool{}, uploads: map[digest.Digest]chan struct{}{},
	}
}

// Require makes the registry accept a blob.
func (r *Registry) Require(d digest.Digest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.required[d] = true
}

// Blobs returns what was received, manifests included.
func (r *Registry) Blobs() map[digest.Digest]Blob {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.blobs)
}

// Root returns the manifest or index of a tag.
func (r *Registry) Root(tag string) (ocispecs.Descriptor, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d, found := r.roots[tag]
	return d, found
}

// Reached reports whether there was a request with the token.
func (r *Registry) Reached() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reached
}

// ServeHTTP implements [http.Handler].
func (r *Registry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if request.Header.Get("Authorization") != "Bearer "+r.token {
		http.Error(w, "wrong token", http.StatusUnauthorized)
		return
	}
	r.mu.Lock()
	r.reached = true
	r.mu.Unlock()
	r.active()
	kind, name, _ := strings.Cut(strings.TrimPrefix(request.URL.Path, "/v2/"+Repository+"/"), "/")
	switch request.Method + " " + kind {
	case "HEAD blobs":
		r.headBlob(w, request, digest.Digest(name))
	case "POST blobs":
		w.Header().Set("Location", "/v2/"+Repository+"/blobs/uploads/1")
		w.WriteHeader(http.StatusAccepted)
	case "PUT blobs":
		r.putBlob(w, request, digest.Digest(request.URL.Query().Get("digest")))
	case "HEAD manifests":
		http.NotFound(w, request)
	case "PUT manifests":
		r.putManifest(w, request, name)
	default:
		http.Error(w, request.Method+" "+request.URL.Path+" is not supported", http.StatusMethodNotAllowed)
	}
}

// headBlob waits for the end of another upload of the blob, so that images that share
// a layer send it once.
func (r *Registry) headBlob(w http.ResponseWriter, request *http.Request, d digest.Digest) {
	for {
		upload, found := r.claim(d)
		switch {
		case found:
			w.WriteHeader(http.StatusOK)
			return
		case upload == nil:
			http.NotFound(w, request)
			return
		}
		select {
		case <-upload:
		case <-request.Context().Done():
			return
		}
	}
}

// claim reports whether the blob is here or not required. Otherwise it returns the
// upload in progress, or starts one and returns nil.
func (r *Registry) claim(d digest.Digest) (upload chan struct{}, found bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, received := r.blobs[d]; received || !r.required[d] {
		return nil, true
	}
	if upload, running := r.uploads[d]; running {
		return upload, false
	}
	r.uploads[d] = make(chan struct{})
	return nil, false
}

func (r *Registry) putBlob(w http.ResponseWriter, request *http.Request, d digest.Digest) {
	r.mu.Lock()
	required := r.required[d]
	r.mu.Unlock()
	if !required {
		http.Error(w, fmt.Sprintf("blob %s is not required", d), http.StatusBadRequest)
		return
	}
	blob, err := r.store(d, request.Body)
	r.finish(d, blob, err)
	if err != nil {
		http.Error(w, err.Error(), statusOf(err))
		return
	}
	w.Header().Set("Docker-Content-Digest", d.String()) // else the engine logs a message
	w.WriteHeader(http.StatusCreated)
}

func (r *Registry) finish(d digest.Digest, blob Blob, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.blobs[d] = blob
	}
	if upload, claimed := r.uploads[d]; claimed {
		close(upload)
		delete(r.uploads, d)
	}
}

func (r *Registry) create(d digest.Digest) (*os.File, error) {
	return os.CreateTemp(r.dir, filepath.Base(d.Encoded())+"-")
}
