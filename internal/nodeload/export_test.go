package nodeload

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

func TestLoader_export(t *testing.T) {
	t.Parallel()
	t.Run("removes the layers that a killed run left behind", func(t *testing.T) {
		t.Parallel()
		f := enginetest.New(t)
		image := fakeImage{"acme/web:1", [][]byte{layer("top")}}
		serve(t, f, formats["Docker 20.10"], image)
		l := fakeLoader(t, f)
		node := newFakeNode("n")
		for _, with := range []string{"a new image", "no new image"} {
			left := filepath.Join(l.options.TempDir, "tkdeploy-load-1")
			enginetest.WriteFiles(t, left, map[string]string{"0": "layer"})
			enginetest.NoError(t, inventoryAndLoad(t.Context(), l, []Node{node}, engineImages(image), nil))
			if entries, err := os.ReadDir(l.options.TempDir); err != nil || len(entries) > 0 {
				t.Errorf("load with %s: got files %v, %v, want none", with, entries, err)
			}
		}
	})
	t.Run("drops layers that no node needs", func(t *testing.T) {
		t.Parallel()
		big := make([]byte, smallFile+1)
		image := fakeImage{"acme/big:1", [][]byte{big, layer("top")}}
		have := nodeInventory{chains: map[string]bool{image.image().DiffIDs[0]: true}}
		transfers := []*transfer{{node: newFakeNode("n"), have: have, images: []engine.Image{image.image()}}}
		for _, name := range []string{"Docker 20.10", "Docker 25 with the classic store"} {
			f := enginetest.New(t)
			serve(t, f, formats[name], image)
			e, err := fakeLoader(t, f).export(t.Context(), transfers)
			enginetest.NoError(t, err)
			for n, layer := range e.images[image.image().Ref].layers {
				if exported := layer.write != nil; exported != (n == 1) {
					t.Errorf("%s: layer %d: got exported %t, want %t", name, n, exported, n == 1)
				}
			}
			e.close()
			if _, err := os.Stat(e.dir.Path); err == nil {
				t.Errorf("%s: temporary files remain after close", name)
			}
		}
	})
}

func TestLoader_export_stalled(t *testing.T) {
	t.Parallel()
	for name, send := range map[string]func(io.Writer){
		"before the archive": func(io.Writer) {},
		"in the archive":     func(w io.Writer) { _, _ = w.Write(make([]byte, 300)); w.(http.Flusher).Flush() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := enginetest.New(t)
			ended := make(chan struct{})
			t.Cleanup(func() { close(ended) })
			l := fakeLoader(t, f)
			l.options.ExportTimeout = 20 * time.Millisecond
			f.Archive = func(w io.Writer, _ []string) { send(w); <-ended }
			err := inventoryAndLoad(t.Context(), l, []Node{newFakeNode("n")}, engineImages(authV1), nil)
			if !errors.Is(err, errExportStalled) || fault.ClassOf(err) != fault.Load || fault.HintOf(err) == "" {
				t.Errorf("got %v of class %s, want %v of class %s", err, fault.ClassOf(err), errExportStalled, fault.Load)
			}
		})
	}
}
