package images

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
)

// programs returns a program whose content is its platform.
func programs(platform string) (Program, error) {
	if !strings.HasPrefix(platform, "linux/") {
		return Program{}, errors.New("no program for " + platform)
	}
	return Program{Digest: "digest of " + platform, Read: func() ([]byte, error) { return []byte(platform), nil }}, nil
}

func TestBinary(t *testing.T) {
	t.Parallel()
	set := Set{Binaries: []Binary{{Repository: "acme/probe", Program: programs}}}
	load := func(t *testing.T, arch string) (tag string, archive []byte) {
		t.Helper()
		f := enginetest.New(t)
		f.Arch = arch
		images, err := fakeBuilder(t, f).Ensure(t.Context(), set, nil)
		if err != nil || len(f.Loads) != 1 || images[0].ID != "sha256:loaded" {
			t.Fatalf("got %+v, %v and %d loads, want the loaded image", images, err, len(f.Loads))
		}
		return images[0].Tag, f.Loads[0]
	}

	t.Run("is the same image on every machine", func(t *testing.T) {
		t.Parallel()
		tag, archive := load(t, "amd64")
		if again, same := load(t, "amd64"); again != tag || !bytes.Equal(archive, same) {
			t.Errorf("got tags %s and %s, want the same image", tag, again)
		}
	})

	t.Run("has the platform of the engine", func(t *testing.T) {
		t.Parallel()
		other, _ := load(t, "amd64")
		tag, archive := load(t, "arm64")
		if tag == other {
			t.Errorf("got tag %s for both platforms", tag)
		}
		config, executable := unpackBinary(t, archive)
		if config.OS != "linux" || config.Architecture != "arm64" || config.Variant != "" || executable != "linux/arm64" {
			t.Errorf("got an image for %+v with the executable for %s, want linux/arm64", config.Platform, executable)
		}
		if !slices.Equal(config.Config.Entrypoint, []string{"/probe"}) || config.Config.User != binaryUser {
			t.Errorf("got entrypoint %q and user %s", config.Config.Entrypoint, config.Config.User)
		}
	})

	t.Run("fails without a program for the engine", func(t *testing.T) {
		t.Parallel()
		f := enginetest.New(t)
		f.OS = "windows"
		_, err := fakeBuilder(t, f).Ensure(t.Context(), set, nil)
		if err == nil || !strings.Contains(err.Error(), "no program for windows/amd64") {
			t.Errorf("got %v", err)
		}
	})
}

func unpackBinary(t *testing.T, archive []byte) (config ocispecs.Image, executable string) {
	t.Helper()
	for name, content := range unpackTar(t, archive) {
		switch {
		case name == "layer.tar":
			executable = string(unpackTar(t, content)["probe"])
		case name != "manifest.json":
			enginetest.NoError(t, json.Unmarshal(content, &config))
		}
	}
	return config, executable
}

func unpackTar(t *testing.T, archive []byte) map[string][]byte {
	t.Helper()
	contents := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return contents
		}
		enginetest.NoError(t, err)
		contents[header.Name], err = io.ReadAll(r)
		enginetest.NoError(t, err)
	}
}
