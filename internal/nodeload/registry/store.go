package registry

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// manifestLimit is the size that registries accept.
const manifestLimit = 4 << 20

var errDigest = errors.New("wrong digest")

// statusOf separates the engine's mistakes from those of this machine.
func statusOf(err error) int {
	if errors.Is(err, errDigest) {
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

// store writes a blob and verifies it.
func (r *Registry) store(d digest.Digest, content io.Reader) (Blob, error) {
	if err := d.Validate(); err != nil {
		return Blob{}, fmt.Errorf("%w %q: %w", errDigest, d, err)
	}
	file, err := r.create(d)
	if err != nil {
		return Blob{}, err
	}
	verifier := d.Verifier()
	size, err := io.Copy(io.MultiWriter(file, verifier, activity(r.active)), content)
	if err == nil && !verifier.Verified() {
		err = fmt.Errorf("%w: %d bytes do not match %s", errDigest, size, d)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return Blob{}, errors.Join(err, os.Remove(file.Name()))
	}
	return Blob{Path: file.Name(), Size: size}, nil
}

// activity is called at each write.
type activity func()

func (a activity) Write(p []byte) (int, error) {
	a()
	return len(p), nil
}

// putManifest stores a manifest or index. Its name is its digest or a tag.
func (r *Registry) putManifest(w http.ResponseWriter, request *http.Request, name string) {
	text, err := io.ReadAll(http.MaxBytesReader(w, request.Body, manifestLimit))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	d := digest.FromBytes(text)
	blob, err := r.store(d, bytes.NewReader(text))
	if err != nil {
		http.Error(w, err.Error(), statusOf(err))
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.blobs[d] = blob
	if name != d.String() {
		r.roots[name] = ocispecs.Descriptor{MediaType: request.Header.Get("Content-Type"), Digest: d, Size: blob.Size}
	}
	w.Header().Set("Docker-Content-Digest", d.String())
	w.WriteHeader(http.StatusCreated)
}
