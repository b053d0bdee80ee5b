package nodeload

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	digest "github.com/opencontainers/go-digest"
	"github.com/vbatts/tar-split/tar/asm"
	"github.com/vbatts/tar-split/tar/storage"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/event"
)

// layerArchive returns a layer with all kinds of entries: a directory, links, a
// deleted file, extended attributes, an empty file.
func layerArchive(t *testing.T, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	archive := tar.NewWriter(&out)
	for _, h := range []tar.Header{
		{Name: "etc/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "etc/text", Typeflag: tar.TypeReg, Mode: 0o600, Size: int64(len(text))},
		{Name: "etc/link", Typeflag: tar.TypeSymlink, Linkname: "/etc/text"},
		{Name: "etc/twin", Typeflag: tar.TypeLink, Linkname: "etc/text"},
		{Name: "etc/.wh.gone", Typeflag: tar.TypeReg, Mode: 0o600},
		{Name: "etc/" + strings.Repeat("long", 40), Typeflag: tar.TypeReg, PAXRecords: map[string]string{"SCHILY.xattr.user.a": "b"}},
	} {
		enginetest.NoError(t, archive.WriteHeader(&h))
		if h.Size > 0 {
			_, err := io.WriteString(archive, text)
			enginetest.NoError(t, err)
		}
	}
	enginetest.NoError(t, archive.Close())
	out.Write(make([]byte, 4096)) // archives may have more padding than required
	return out.Bytes()
}

func writeStore(t *testing.T, root string, images ...fakeImage) (dirs []string) {
	t.Helper()
	content := map[string]string{}
	for _, i := range images {
		content["image/overlay2/imagedb/content/sha256/"+digest.FromBytes(i.config()).Encoded()] = string(i.config())
		chain := ""
		for _, layer := range i.layers {
			chain = chainID(chain, digest.FromBytes(layer).String())
			id := strings.TrimPrefix(chain, "sha256:")
			files := filepath.Join(root, "overlay2", id[:12], "diff")
			content["image/overlay2/layerdb/sha256/"+id+"/cache-id"] = id[:12]
			content["image/overlay2/layerdb/sha256/"+id+"/tar-split.json.gz"] = splitLayer(t, layer, files)
			dirs = append(dirs, files)
		}
	}
	enginetest.WriteFiles(t, root, content)
	return dirs
}

func splitLayer(t *testing.T, layer []byte, into string) string {
	t.Helper()
	var tarSplit bytes.Buffer
	zipped := gzip.NewWriter(&tarSplit)
	archive, done, err := asm.NewInputTarStreamWithDone(bytes.NewReader(layer), storage.NewJSONPacker(zipped), storage.NewDiscardFilePutter())
	enginetest.NoError(t, err)
	_, err = io.Copy(io.Discard, archive)
	enginetest.NoError(t, err)
	enginetest.NoError(t, <-done)
	enginetest.NoError(t, zipped.Close())
	for reader := tar.NewReader(bytes.NewReader(layer)); ; {
		header, err := reader.Next()
		if err != nil {
			return tarSplit.String()
		}
		text, err := io.ReadAll(reader)
		enginetest.NoError(t, err)
		if header.Typeflag == tar.TypeReg {
			enginetest.WriteFiles(t, into, map[string]string{header.Name: string(text)})
		}
	}
}

func TestLoader_Load_store(t *testing.T) {
	t.Parallel()
	t.Run("reads layers from the store", func(t *testing.T) {
		t.Parallel()
		base := layerArchive(t, "base")
		one := fakeImage{"acme/auth:1", [][]byte{base, layerArchive(t, "one")}}
		two := fakeImage{"acme/auth:2", [][]byte{base, layerArchive(t, "two")}}
		f := enginetest.New(t)
		f.Root = t.TempDir()
		writeStore(t, f.Root, one, two)
		l, n := fakeLoader(t, f), newFakeNode("n") // the node verifies digests and sizes
		enginetest.NoError(t, inventoryAndLoad(t.Context(), l, []Node{n}, engineImages(one), nil))
		n.blobs, n.imports = map[string][]byte{}, nil
		var log enginetest.EventLog
		enginetest.NoError(t, inventoryAndLoad(t.Context(), l, []Node{n}, engineImages(two), &log))
		if log.Outcomes() != "acme/auth:2=done+1" || log.Messages(event.Warning) != "" || f.Saves > 0 {
			t.Errorf("got %s, %s with %d exports, want one image without a warning or export", log.Outcomes(), log.Messages(event.Warning), f.Saves)
		}
		if want := digest.FromBytes(two.layers[1]).String(); len(n.imports) != 1 || n.imports[0] != want {
			t.Errorf("got imports %q, want %s", n.imports, want)
		}
	})

	t.Run("falls back to an export", func(t *testing.T) {
		t.Parallel()
		for name, test := range map[string]struct {
			spoil   func(t *testing.T, root, files string)
			warning string
		}{
			"changed file": {
				func(t *testing.T, _, files string) {
					enginetest.WriteFiles(t, files, map[string]string{"etc/text": "ino"})
				},
				`sending whole images: load images into node n: read layer sha256:`,
			},
			"longer file": {
				func(t *testing.T, _, files string) {
					enginetest.WriteFiles(t, files, map[string]string{"etc/text": "one and more"})
				},
				`sending whole images: load images into node n: read layer sha256:`,
			},
			"link out of the layer": {
				func(t *testing.T, root, files string) {
					enginetest.WriteFiles(t, root, map[string]string{"outside": "one"})
					enginetest.NoError(t, os.Remove(filepath.Join(files, "etc/text")))
					enginetest.NoError(t, os.Symlink(filepath.Join(root, "outside"), filepath.Join(files, "etc/text")))
				},
				`path escapes from parent`,
			},
			"missing layer": {
				func(t *testing.T, root, _ string) {
					enginetest.NoError(t, os.RemoveAll(filepath.Join(root, "image/overlay2/layerdb/sha256")))
					enginetest.NoError(t, os.MkdirAll(filepath.Join(root, "image/overlay2/layerdb/sha256"), 0o700))
				},
				`so the engine exports the images, which takes longer: read image docker.io/acme/auth:1`,
			},
			"changed config": {
				func(t *testing.T, root, _ string) {
					id := fakeImage{"acme/auth:1", [][]byte{layerArchive(t, "one")}}.image().ID
					enginetest.WriteFiles(t, root, map[string]string{"image/overlay2/imagedb/content/sha256/" + strings.TrimPrefix(id, "sha256:"): "{}"})
				},
				`so the engine exports the images, which takes longer: read image docker.io/acme/auth:1`,
			},
			"no store": {
				func(t *testing.T, root, _ string) { enginetest.NoError(t, os.RemoveAll(filepath.Join(root, "image"))) }, "",
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				image := fakeImage{"acme/auth:1", [][]byte{layerArchive(t, "one")}}
				f := enginetest.New(t)
				f.Root = t.TempDir()
				serve(t, f, legacyArchive, image)
				test.spoil(t, f.Root, writeStore(t, f.Root, image)[0])
				var log enginetest.EventLog
				enginetest.NoError(t, inventoryAndLoad(t.Context(), fakeLoader(t, f), []Node{newFakeNode("n")}, engineImages(image), &log))
				warning := log.Messages(event.Warning)
				if log.Outcomes() != "acme/auth:1=done+1" || f.Saves != 1 || (test.warning == "") != (warning == "") || !strings.Contains(warning, test.warning) {
					t.Errorf("got %s with %d exports and warning %q, want one export and warning %q", log.Outcomes(), f.Saves, warning, test.warning)
				}
			})
		}
	})
}
