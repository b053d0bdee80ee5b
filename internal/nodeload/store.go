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
	"tkdeploy.dev/tkdeploy/internal/files"
)

// layerStore is the classic image store of a local engine with the overlay2
// driver. It holds the files of each layer and a tar-split list of the rest of
// its archive (github.com/moby/moby, layer/filestore.go, image/fs.go). `docker
// save` copies all layers of an image before it sends the first. layerStore
// streams only the layers that a node needs.
//
// The config is verified against the image's ID, files against checksums, and
// layers against their digests, by the node.
type layerStore struct {
	root  string                   // the engine's DockerRootDir
	cache map[string]exportedLayer // by chain ID
}

// layerStore returns nil if the store is remote, unreadable or of another kind.
func (l *Loader) layerStore(ctx context.Context) *layerStore {
	info, err := l.engine.Info(ctx)
	if err != nil || !info.Local || info.Containerd || info.Driver != "overlay2" {
		return nil
	}
	s := &layerStore{root: info.Root, cache: map[string]exportedLayer{}}
	if _, err := os.Stat(s.chainDir("")); err != nil {
		return nil
	}
	return s
}

func (s *layerStore) chainDir(id string) string {
	return filepath.Join(s.root, "image/overlay2/layerdb/sha256", strings.TrimPrefix(id, "sha256:"))
}

func (s *layerStore) export(images []engine.Image) (*export, error) {
	e := &export{images: map[string]exportedImage{}, replaceable: true}
	for _, i := range images {
		image, err := s.image(i)
		if err != nil {
			return nil, fmt.Errorf("read image %s in %s: %w", i.Ref, s.root, err)
		}
		e.images[i.Ref] = image
	}
	return e, nil
}

func (s *layerStore) image(i engine.Image) (exportedImage, error) {
	id, err := digest.Parse(i.ID)
	if err != nil {
		return exportedImage{}, err
	}
	text, err := files.Read(filepath.Join(s.root, "image/overlay2/imagedb/content/sha256", id.Encoded()), files.ConfigLimit)
	if err != nil {
		return exportedImage{}, err
	}
	if found := digest.FromBytes(text); found != id {
		return exportedImage{}, fmt.Errorf("config has digest %s", found)
	}
	var config ocispecs.Image
	if err := json.Unmarshal(text, &config); err != nil {
		return exportedImage{}, fmt.Errorf("parse config: %w", err)
	}
	chain := ""
	return imageFromConfig(text, config, func(_ int, diffID digest.Digest) (exportedLayer, error) {
		chain = chainID(chain, diffID.String())
		layer, err := s.layer(chain, diffID)
		if err != nil {
			return exportedLayer{}, fmt.Errorf("layer %s: %w", diffID, err)
		}
		return layer, nil
	})
}

func (s *layerStore) layer(chain string, diffID digest.Digest) (exportedLayer, error) {
	if layer, known := s.cache[chain]; known {
		return layer, nil
	}
	cacheID, err := files.Read(filepath.Join(s.chainDir(chain), "cache-id"), files.ConfigLimit)
	if err != nil {
		return exportedLayer{}, err
	}
	stored := storedLayer{
		tarSplit: filepath.Join(s.chainDir(chain), "tar-split.json.gz"),
		dir:      filepath.Join(s.root, "overlay2", string(cacheID), "diff"),
	}
	size, err := stored.size()
	if err != nil {
		return exportedLayer{}, err
	}
	layer := uncompressedLayer(diffID, size, stored.write)
	s.cache[chain] = layer
	return layer, nil
}

type storedLayer struct{ tarSplit, dir string }

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
				size += entry.Size // the payload is a checksum
			} else {
				size += int64(len(entry.Payload))
			}
		}
	})
	return size, err
}

func (l storedLayer) write(w io.Writer) error {
	files, err := os.OpenRoot(l.dir)
	if err != nil {
		return err
	}
	defer files.Close()
	buffer := bufio.NewWriterSize(w, 1<<18) // tar-split writes each header separately
	err = l.read(func(list storage.Unpacker) error { return asm.WriteOutputTarStream(rootFiles{files}, list, buffer) })
	return cmp.Or(err, buffer.Flush())
}

func (l storedLayer) read(use func(storage.Unpacker) error) error {
	file, err := os.Open(l.tarSplit)
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

// rootFiles opens a layer's files. Links cannot leave its directory.
type rootFiles struct{ root *os.Root }

func (r rootFiles) Get(name string) (io.ReadCloser, error) {
	return r.root.Open(strings.TrimPrefix(path.Clean("/"+name), "/"))
}
