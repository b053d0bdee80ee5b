package images

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"github.com/containerd/platforms"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

// binaryUser is the conventional "nonroot", which owns no files.
const binaryUser = "65532:65532"

// binaryImage is the image of a Binary. It is the same on every machine.
type binaryImage struct {
	name     string
	ref      string
	entry    string
	platform ocispecs.Platform
	program  Program
}

// describe reads each program once per Builder, because every stage needs its digest.
func (b *Builder) describe(binary Binary) (binaryImage, error) {
	return inputs.Memoize(&b.mu, b.binaries, binary.Repository, func() (binaryImage, error) {
		image, err := binary.describe(b.engine.Platform())
		if err != nil {
			err = fmt.Errorf("prepare image %s: %w", binary.Repository, err)
		}
		return image, err
	})
}

func (b Binary) describe(platform string) (binaryImage, error) {
	found, err := b.Program(platform)
	if err != nil {
		return binaryImage{}, err
	}
	parsed, err := platforms.Parse(platform)
	if err != nil {
		return binaryImage{}, err
	}
	image := binaryImage{name: b.Repository, entry: "/" + path.Base(b.Repository), platform: parsed, program: found}
	image.ref, err = inputs.TaggedRef(b.Repository, image.digest())
	return image, err
}

// digest identifies the image without the program's content, which may be compressed.
func (i binaryImage) digest() string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(i.entry+"\n"+platforms.Format(i.platform)+"\n"+i.program.Digest)))
}

func (i binaryImage) config(layer []byte) ([]byte, error) {
	epoch := time.Unix(0, 0).UTC()
	image := dockerspec.DockerOCIImage{Image: ocispecs.Image{
		Created:  &epoch,
		Platform: i.platform,
		RootFS:   ocispecs.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromBytes(layer)}},
		History:  []ocispecs.History{{Created: &epoch, CreatedBy: "tkdeploy"}},
	}}
	image.Config.User = binaryUser
	image.Config.Entrypoint = []string{i.entry}
	image.Config.Labels = map[string]string{inputs.LabelName: i.name, inputs.LabelInputs: i.digest()}
	return json.Marshal(image)
}

func (i binaryImage) layer() ([]byte, error) {
	executable, err := i.program.Read()
	if err != nil {
		return nil, err
	}
	var layer bytes.Buffer
	archive := tar.NewWriter(&layer)
	err = archive.WriteHeader(&tar.Header{Name: i.entry[1:], Mode: 0o755, Size: int64(len(executable)), Format: tar.FormatUSTAR})
	if err == nil {
		_, err = archive.Write(executable)
	}
	err = errors.Join(err, archive.Close())
	return layer.Bytes(), err
}

// write writes the image in the format of `docker load`.
func (i binaryImage) write(w io.Writer) error {
	const layerName = "layer.tar"
	layer, err := i.layer()
	if err != nil {
		return err
	}
	config, err := i.config(layer)
	if err != nil {
		return err
	}
	configName := fmt.Sprintf("%x.json", sha256.Sum256(config))
	manifest, err := json.Marshal([]map[string]any{{
		"Config": configName, "RepoTags": []string{engine.FamiliarRef(i.ref)}, "Layers": []string{layerName},
	}})
	if err != nil {
		return err
	}
	archive := tar.NewWriter(w)
	for _, file := range []struct {
		name    string
		content []byte
	}{{"manifest.json", manifest}, {configName, config}, {layerName, layer}} {
		if err := engine.WriteTarFile(archive, file.name, file.content); err != nil {
			return err
		}
	}
	return archive.Close()
}

// binaryTimeout is enough for tens of MB on a busy machine.
const binaryTimeout = 5 * time.Minute

func (b *Builder) loadBinary(ctx context.Context, i binaryImage) error {
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(i.write(writer)) }()
	defer reader.Close()
	err := b.engine.Within(ctx, binaryTimeout, func(ctx context.Context) error {
		response, err := b.engine.API().ImageLoad(ctx, reader)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		return engine.DrainMessages(response.Body)
	})
	if err != nil {
		return fmt.Errorf("load image %s into the engine: %w", i.ref, err)
	}
	return nil
}
