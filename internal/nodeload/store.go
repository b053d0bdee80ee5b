package nodeload

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/vbatts/tar-split/tar/asm"
	"github.com/vbatts/tar-split/tar/storage"

	"tkdeploy.dev/tkdeploy/internal/engine"
)

// A layerStore is the folder of an engine's classic image store, with the
// overlay2 driver, on this machine. There a layer is the files that were
// unpacked, and a list of what else was in its archive (github.com/moby/moby,
// layer/filestore.go; image/fs.go). From both the very archive can be put
// together again, as the engine does for `docker save`; but that does it for all
// layers of an image, and copies them all before it sends the first. Here it
// is done for the layers that a node needs, while they are sent.
//
// Nothing that is read is taken on trust: an image's config must have its id,
// each file its checksum, and the node compares each layer with its digest.
type layerStore struct {
	root  string                   // the engine's DockerRootDir
	known map[string]exportedLayer // by chain id
}

// layerStore is the engine's store, or nil if it is of another kind, elsewhere or
// not this user's to read.
func (l *Loader) layerStore(ctx context.Context) *layerStore {
	facts, err := l.engine.Info(ctx)
	if err != nil || !facts.Local || facts.Containerd || facts.Driver != "overlay2" {
		return nil
	}
	s := &layerStore{root: facts.Root, known: map[string]exportedLayer{}}
	if _, err := os.Stat(s.chain("")); err != nil {
		return nil
	}
	return s
}

// chain is the folder of what the store knows of a layer on top of others.
func (s *layerStore) chain(id string) string {
	return filepath.Join(s.root, "image/overlay2/layerdb/sha256", strings.TrimPrefix(id, "sha256:"))
}

// saved are images whose layers are read when they are sent.
func (s *layerStore) saved(images []engine.Image) (*export, error) {
	all := &export{images: map[string]exportedImage{}, fromStore: true}
	for _, i := range images {
		image, err := s.image(i)
		if err != nil {
			return nil, fmt.Errorf("read image %s in %s: %w", i.Ref, s.root, err)
		}
		all.images[i.Ref] = image
	}
	return all, nil
}

func (s *layerStore) image(i engine.Image) (exportedImage, error) {
	id, err := digest.Parse(i.ID)
	if err != nil {
		return exportedImage{}, err
	}
	text, err := os.ReadFile(filepath.Join(s.root, "image/overlay2/imagedb/content/sha256", id.Encoded()))
	if err != nil {
		return exportedImage{}, err
	}
	if found := digest.FromBytes(text); found != id {
		return exportedImage{}, fmt.Errorf("its config is %s", found)
	}
	var config ocispecs.Image
	if err := json.Unmarshal(text, &config); err != nil {
		return exportedImage{}, fmt.Errorf("read its config: %w", err)
	}
	chain := ""
	return imageOf(text, config, func(_ int, diffID digest.Digest) (exportedLayer, error) {
		chain = chainID(chain, diffID.String())
		layer, err := s.layer(chain, diffID)
		if err != nil {
			return exportedLayer{}, fmt.Errorf("layer %s: %w", diffID, err)
		}
		return layer, nil
	})
}

func (s *layerStore) layer(chain string, diffID digest.Digest) (exportedLayer, error) {
	if layer, known := s.known[chain]; known {
		return layer, nil
	}
	folder, err := os.ReadFile(filepath.Join(s.chain(chain), "cache-id"))
	if err != nil {
		return exportedLayer{}, err
	}
	stored := storedLayer{
		list:  filepath.Join(s.chain(chain), "tar-split.json.gz"),
		files: filepath.Join(s.root, "overlay2", string(folder), "diff"),
	}
	size, err := stored.size()
	if err != nil {
		return exportedLayer{}, err
	}
	layer := layerOf(diffID, size, stored.write)
	s.known[chain] = layer
	return layer, nil
}

// A storedLayer is a layer in the store: its files, and the list of what its
// archive was made of.
type storedLayer struct{ list, files string }

// size is that of the layer's archive.
func (l storedLayer) size() (int64, error) {
	size := int64(0)
	err := l.read(func(list storage.Unpacker) error {
		for {
			entry, err := list.Next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if entry.Type == storage.FileType {
				size += entry.Size // its payload is a checksum
			} else {
				size += int64(len(entry.Payload))
			}
		}
	})
	return size, err
}

// write writes the layer's archive.
func (l storedLayer) write(w io.Writer) error {
	files, err := os.OpenRoot(l.files)
	if err != nil {
		return err
	}
	defer files.Close()
	buffer := bufio.NewWriterSize(w, 1<<18) // headers come one by one
	err = l.read(func(list storage.Unpacker) error { return asm.WriteOutputTarStream(inRoot{files}, list, buffer) })
	return cmp.Or(err, buffer.Flush())
}

func (l storedLayer) read(use func(storage.Unpacker) error) error {
	file, err := os.Open(l.list)
	if err != nil {
		return err
	}
	defer file.Close()
	text, err := gzip.NewReader(file)
	if err != nil {
		return err
	}
	return use(storage.NewJSONUnpacker(text))
}

// inRoot finds a layer's files by their names in its archive. No link in the
// layer leads out of its folder.
type inRoot struct{ *os.Root }

func (r inRoot) Get(name string) (io.ReadCloser, error) {
	return r.Open(strings.TrimPrefix(path.Clean("/"+name), "/"))
}
