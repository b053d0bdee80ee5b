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

// archived is a layer with a file, and what makes archives differ: a folder, a
// link, a deleted file, a name that needs a further header, an empty file.
func archived(t *testing.T, text string) []byte {
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
	out.Write(make([]byte, 4096)) // tar pads with more than it must
	return out.Bytes()
}

// keepIn writes images as an engine with the classic store and overlay2 keeps
// them, and gives the folder of each layer's files.
func keepIn(t *testing.T, root string, images ...fakeImage) (folders []string) {
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
			content["image/overlay2/layerdb/sha256/"+id+"/tar-split.json.gz"] = split(t, layer, files)
			folders = append(folders, files)
		}
	}
	enginetest.WriteFiles(t, root, content)
	return folders
}

// split unpacks a layer into a folder and gives the list of the rest.
func split(t *testing.T, layer []byte, into string) string {
	t.Helper()
	var list bytes.Buffer
	zipped := gzip.NewWriter(&list)
	archive, done, err := asm.NewInputTarStreamWithDone(bytes.NewReader(layer), storage.NewJSONPacker(zipped), storage.NewDiscardFilePutter())
	enginetest.NoError(t, err)
	_, err = io.Copy(io.Discard, archive)
	enginetest.NoError(t, err)
	enginetest.NoError(t, <-done)
	enginetest.NoError(t, zipped.Close())
	for reader := tar.NewReader(bytes.NewReader(layer)); ; {
		header, err := reader.Next()
		if err != nil {
			return list.String()
		}
		text, err := io.ReadAll(reader)
		enginetest.NoError(t, err)
		if header.Typeflag == tar.TypeReg {
			enginetest.WriteFiles(t, into, map[string]string{header.Name: string(text)})
		}
	}
}

func TestLoadReadsTheEnginesStore(t *testing.T) {
	t.Parallel()
	base := archived(t, "base")
	one := fakeImage{"acme/auth:1", [][]byte{base, archived(t, "one")}}
	two := fakeImage{"acme/auth:2", [][]byte{base, archived(t, "two")}}
	f := enginetest.New(t)
	f.Root = t.TempDir()
	keepIn(t, f.Root, one, two)
	l, n := fakeLoader(t, f), newFakeNode("n") // which compares each layer with its digest and size
	enginetest.NoError(t, l.lookAndLoad(t.Context(), []Node{n}, imagesOfAll(one), nil))
	n.blobs, n.imports = map[string][]byte{}, nil
	var log enginetest.EventLog
	enginetest.NoError(t, l.lookAndLoad(t.Context(), []Node{n}, imagesOfAll(two), &log))
	if log.Outcomes() != "acme/auth:2=done+1" || log.Messages(event.Warning) != "" || f.Saves > 0 {
		t.Errorf("%s %s; %d saves", log.Outcomes(), log.Messages(event.Warning), f.Saves)
	}
	if want := digest.FromBytes(two.layers[1]).String(); len(n.imports) != 1 || n.imports[0] != want {
		t.Errorf("sent %q, want %s", n.imports, want)
	}
}

func TestAStoreThatCannotBeReadIsNotNeeded(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil   func(t *testing.T, root, files string)
		warning string
	}{
		"a file that is not what it was": {
			func(t *testing.T, _, files string) {
				enginetest.WriteFiles(t, files, map[string]string{"etc/text": "ino"})
			},
			`so it gets whole images: load images into node n: read layer sha256:`,
		},
		"a file that is longer": {
			func(t *testing.T, _, files string) {
				enginetest.WriteFiles(t, files, map[string]string{"etc/text": "one and more"})
			},
			`so it gets whole images: load images into node n: read layer sha256:`,
		},
		"a link that leads out of the layer": {
			func(t *testing.T, root, files string) {
				enginetest.WriteFiles(t, root, map[string]string{"outside": "one"})
				enginetest.NoError(t, os.Remove(filepath.Join(files, "etc/text")))
				enginetest.NoError(t, os.Symlink(filepath.Join(root, "outside"), filepath.Join(files, "etc/text")))
			},
			`path escapes from parent`,
		},
		"a layer that is gone": {
			func(t *testing.T, root, _ string) {
				enginetest.NoError(t, os.RemoveAll(filepath.Join(root, "image/overlay2/layerdb/sha256")))
				enginetest.NoError(t, os.MkdirAll(filepath.Join(root, "image/overlay2/layerdb/sha256"), 0o700))
			},
			`since its store cannot be read: read image docker.io/acme/auth:1`,
		},
		"another config": {
			func(t *testing.T, root, _ string) {
				id := fakeImage{"acme/auth:1", [][]byte{archived(t, "one")}}.image().ID
				enginetest.WriteFiles(t, root, map[string]string{"image/overlay2/imagedb/content/sha256/" + strings.TrimPrefix(id, "sha256:"): "{}"})
			},
			`since its store cannot be read: read image docker.io/acme/auth:1`,
		},
		"none": {
			func(t *testing.T, root, _ string) { enginetest.NoError(t, os.RemoveAll(filepath.Join(root, "image"))) }, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			image := fakeImage{"acme/auth:1", [][]byte{archived(t, "one")}}
			f := enginetest.New(t)
			f.Root = t.TempDir()
			serve(t, f, legacyArchive, image)
			test.spoil(t, f.Root, keepIn(t, f.Root, image)[0])
			var log enginetest.EventLog
			enginetest.NoError(t, fakeLoader(t, f).lookAndLoad(t.Context(), []Node{newFakeNode("n")}, imagesOfAll(image), &log))
			warning := log.Messages(event.Warning)
			if log.Outcomes() != "acme/auth:1=done+1" || f.Saves != 1 || (test.warning == "") != (warning == "") || !strings.Contains(warning, test.warning) {
				t.Errorf("%s with %d saves; %s", log.Outcomes(), f.Saves, warning)
			}
		})
	}
}
