package images

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

// binaryUser is the conventional "nonroot", which owns no files.
const binaryUser = "65532:65532"

// binaryImage is the image of a Binary, reproducible from the executable.
type binaryImage struct {
	path   string
	entry  string
	size   int64
	config []byte
	ref    string
}

// describe reads each executable once per Builder, because it has tens of MB
// and every stage needs it.
func (b *Builder) describe(binary Binary) (binaryImage, error) {
	return inputs.Memoize(&b.mu, b.binaries, binary, binary.describe)
}

func (b Binary) describe() (binaryImage, error) {
	image, err := b.read()
	if err != nil {
		return image, fault.New(fault.Config, fmt.Errorf("build image %s from executable %s: %w", b.Repository, b.Path, err), "")
	}
	return image, nil
}

func (b Binary) read() (binaryImage, error) {
	platform, err := staticPlatform(b.Path)
	if err != nil {
		return binaryImage{}, err
	}
	info, err := os.Stat(b.Path)
	if err != nil {
		return binaryImage{}, err
	}
	image := binaryImage{path: b.Path, entry: "/" + filepath.Base(b.Path), size: info.Size()}
	layer := sha256.New()
	if err := image.writeLayer(layer); err != nil {
		return binaryImage{}, err
	}
	if image.config, err = binaryConfig(b.Repository, image.entry, platform, layer.Sum(nil)); err != nil {
		return binaryImage{}, err
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(image.config))
	image.ref, err = inputs.TaggedRef(b.Repository, sum)
	return image, err
}

func binaryConfig(name, entry string, platform ocispecs.Platform, layer []byte) ([]byte, error) {
	epoch := time.Unix(0, 0).UTC()
	diffID := digest.NewDigestFromBytes(digest.SHA256, layer)
	image := dockerspec.DockerOCIImage{Image: ocispecs.Image{
		Created:  &epoch,
		Platform: platform,
		RootFS:   ocispecs.RootFS{Type: "layers", DiffIDs: []digest.Digest{diffID}},
		History:  []ocispecs.History{{Created: &epoch, CreatedBy: "tkdeploy"}},
	}}
	image.Config.User = binaryUser
	image.Config.Entrypoint = []string{entry}
	image.Config.Labels = map[string]string{inputs.LabelName: name, inputs.LabelInputs: diffID.Encoded()}
	return json.Marshal(image)
}

func (i binaryImage) writeLayer(w io.Writer) error {
	file, err := os.Open(i.path)
	if err != nil {
		return err
	}
	defer file.Close()
	archive := tar.NewWriter(w)
	err = archive.WriteHeader(&tar.Header{Name: i.entry[1:], Mode: 0o755, Size: i.size, Format: tar.FormatUSTAR})
	if err != nil {
		return err
	}
	if _, err := io.Copy(archive, file); err != nil {
		return err
	}
	return archive.Close()
}

// layerSize counts a header, the content padded to 512 bytes, and two empty
// blocks.
func (i binaryImage) layerSize() int64 { return 512 + (i.size+511)/512*512 + 1024 }

// write writes the image in the format of `docker load`.
func (i binaryImage) write(w io.Writer) error {
	const layerName = "layer.tar"
	configName := fmt.Sprintf("%x.json", sha256.Sum256(i.config))
	manifest, err := json.Marshal([]map[string]any{{
		"Config": configName, "RepoTags": []string{engine.FamiliarRef(i.ref)}, "Layers": []string{layerName},
	}})
	if err != nil {
		return err
	}
	archive := tar.NewWriter(w)
	for _, file := range []struct {
		name string
		text []byte
	}{{"manifest.json", manifest}, {configName, i.config}} {
		if err := engine.WriteTarFile(archive, file.name, file.text); err != nil {
			return err
		}
	}
	if err := engine.WriteTarHeader(archive, layerName, i.layerSize()); err != nil {
		return err
	}
	if err := i.writeLayer(archive); err != nil {
		return err
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

var machines = map[elf.Machine]string{
	elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64", elf.EM_ARM: "arm",
	elf.EM_PPC64: "ppc64le", elf.EM_S390: "s390x", elf.EM_RISCV: "riscv64",
}

func staticPlatform(path string) (ocispecs.Platform, error) {
	file, err := elf.Open(path)
	if err != nil {
		return ocispecs.Platform{}, err
	}
	defer file.Close()
	for _, program := range file.Progs {
		if program.Type == elf.PT_INTERP {
			return ocispecs.Platform{}, errors.New("dynamically linked: it cannot run without libraries (build it with CGO_ENABLED=0)")
		}
	}
	arch, known := machines[file.Machine]
	if !known {
		return ocispecs.Platform{}, fmt.Errorf("unknown machine %s", file.Machine)
	}
	return ocispecs.Platform{OS: "linux", Architecture: arch}, nil
}
