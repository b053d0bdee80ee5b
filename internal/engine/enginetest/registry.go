package enginetest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
)

// Registry serves an image of one executable, on an address that a local engine
// uses without TLS. It returns the repository and the digest; each tag names the
// image.
func Registry(t *testing.T, executable string) (repository, digest string) {
	t.Helper()
	program, err := os.ReadFile(executable)
	NoError(t, err)
	var layer, compressed bytes.Buffer
	archive := tar.NewWriter(&layer)
	NoError(t, archive.WriteHeader(&tar.Header{Name: "probe", Mode: 0o755, Size: int64(len(program))}))
	_, err = archive.Write(program)
	NoError(t, err)
	NoError(t, archive.Close())
	gz := gzip.NewWriter(&compressed)
	_, _ = gz.Write(layer.Bytes())
	NoError(t, gz.Close())

	blobs := map[string][]byte{}
	put := func(mediaType string, text []byte) map[string]any {
		sum := fmt.Sprintf("sha256:%x", sha256.Sum256(text))
		blobs[sum] = text
		return map[string]any{"mediaType": mediaType, "size": len(text), "digest": sum}
	}
	encode := func(value map[string]any) []byte {
		text, err := json.Marshal(value)
		NoError(t, err)
		return text
	}
	config := put("application/vnd.docker.container.image.v1+json", encode(map[string]any{
		"os": "linux", "architecture": runtime.GOARCH, "config": map[string]any{"Entrypoint": []string{"/probe"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer.Bytes()))}},
	}))
	const manifestType = "application/vnd.docker.distribution.manifest.v2+json"
	manifest := encode(map[string]any{
		"schemaVersion": 2, "mediaType": manifestType, "config": config,
		"layers": []any{put("application/vnd.docker.image.rootfs.diff.tar.gzip", compressed.Bytes())},
	})
	digest = fmt.Sprintf("sha256:%x", sha256.Sum256(manifest))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sum := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		switch {
		case strings.Contains(r.URL.Path, "/manifests/"):
			w.Header().Set("Content-Type", manifestType)
			w.Header().Set("Docker-Content-Digest", digest)
			_, _ = w.Write(manifest)
		case strings.Contains(r.URL.Path, "/blobs/") && blobs[sum] == nil:
			w.WriteHeader(http.StatusNotFound)
		case strings.Contains(r.URL.Path, "/blobs/"):
			_, _ = w.Write(blobs[sum])
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://") + "/pinned", digest
}
