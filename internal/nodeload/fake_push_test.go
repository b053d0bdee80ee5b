package nodeload

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/docker/docker/api/types/registry"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
)

// fakePush pushes images like containerd (core/remotes/docker/pusher.go): blobs that a
// HEAD request does not find, then the manifests, then the index.
type fakePush struct {
	images []fakeImage

	mu   sync.Mutex
	sent []string // digests of blobs
}

// servePush makes the fake engine push and export images, whose IDs are the digests of
// their indexes.
func servePush(t *testing.T, f *enginetest.Fake, images ...fakeImage) *fakePush {
	t.Helper()
	p := &fakePush{images: images}
	serve(t, f, formats["Docker 29 with the containerd store"], images...)
	f.Push = func(w http.ResponseWriter, r *http.Request, ref, id string) {
		text, _ := base64.URLEncoding.DecodeString(r.Header.Get(registry.AuthHeader))
		var auth registry.AuthConfig
		_ = json.Unmarshal(text, &auth)
		if err := p.push(r.Context(), auth.RegistryToken, ref, id); err != nil {
			fmt.Fprintf(w, `{"errorDetail":{"message":%q}}`, err)
		}
	}
	return p
}

func (p *fakePush) push(ctx context.Context, token, ref, id string) error {
	address, rest, _ := strings.Cut(ref, "/")
	repository, tag, _ := strings.Cut(rest, ":")
	c := pushClient{"http://" + address + "/v2/" + repository, token}
	for _, i := range p.images {
		if i.image().ID == id {
			return p.pushImage(ctx, c, tag, layoutArchive([]fakeImage{i}, true))
		}
	}
	return fmt.Errorf("tag does not exist: %s", ref)
}

func (p *fakePush) pushImage(ctx context.Context, c pushClient, tag string, files map[string]any) error {
	var top, index ocispecs.Index
	_ = json.Unmarshal(files["index.json"].([]byte), &top)
	root := files[blobName(top.Manifests[0].Digest)].([]byte)
	_ = json.Unmarshal(root, &index)
	for _, entry := range index.Manifests {
		text := files[blobName(entry.Digest)].([]byte)
		var manifest ocispecs.Manifest
		_ = json.Unmarshal(text, &manifest)
		for _, blob := range append(manifest.Layers, manifest.Config) {
			if blob.Digest == "" {
				continue
			}
			if err := p.pushBlob(ctx, c, blob.Digest, files[blobName(blob.Digest)].([]byte)); err != nil {
				return err
			}
		}
		if err := c.put(ctx, "/manifests/"+entry.Digest.String(), text); err != nil {
			return err
		}
	}
	return c.put(ctx, "/manifests/"+tag, root)
}

func (p *fakePush) pushBlob(ctx context.Context, c pushClient, d digest.Digest, text []byte) error {
	status, err := c.do(ctx, http.MethodHead, "/blobs/"+d.String(), nil)
	if err != nil || status == http.StatusOK {
		return err
	}
	p.mu.Lock()
	p.sent = append(p.sent, d.String())
	p.mu.Unlock()
	return c.put(ctx, "/blobs/uploads/1?digest="+d.String(), text)
}

type pushClient struct{ url, token string }

func (c pushClient) put(ctx context.Context, path string, text []byte) error {
	status, err := c.do(ctx, http.MethodPut, path, bytes.NewReader(text))
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("PUT %s: status %d", path, status)
	}
	return err
}

func (c pushClient) do(ctx context.Context, method, path string, body io.Reader) (int, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, body)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Content-Type", ocispecs.MediaTypeImageIndex)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}
