// Package program provides the program of the smoke test pod, cmd/tkdeploy-probe, for
// the platform of the nodes.
//
// Releases embed it for linux/amd64 and linux/arm64. hack/probes writes these files,
// which git ignores, for `make build` and for the commit of a release. A build without
// them uses tkdeploy itself, which contains the same checks, see [Command].
package program

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// Command is the argument that makes tkdeploy run the checks. cmd/tkdeploy-probe
// ignores it.
const Command = "probe"

// Platforms are the platforms that releases embed the program for.
var Platforms = []string{"linux/amd64", "linux/arm64"}

// FileName returns the name of the embedded file for a platform.
func FileName(platform string) string { return strings.ReplaceAll(platform, "/", "-") + ".gz" }

//go:embed programs
var programs embed.FS

// Program is a static Linux executable.
type Program struct {
	Digest string                 // in hex; a different program has another one
	Read   func() ([]byte, error) // returns the executable
}

// For returns the program for a platform, such as linux/arm64. If this build has none,
// the error has class [fault.Environment].
func For(platform string) (Program, error) {
	embedded, err := fs.Sub(programs, "programs")
	if err != nil {
		return Program{}, err
	}
	return source{embedded, os.Executable, runtime.GOOS + "/" + runtime.GOARCH}.find(platform)
}

type source struct {
	embedded   fs.FS
	executable func() (string, error) // tkdeploy itself
	platform   string                 // of executable
}

func (s source) find(platform string) (Program, error) {
	compressed, err := fs.ReadFile(s.embedded, FileName(platform))
	switch {
	case err == nil:
		sum := sha256.Sum256(compressed)
		return Program{hex.EncodeToString(sum[:]), func() ([]byte, error) { return uncompress(compressed) }}, nil
	case !errors.Is(err, fs.ErrNotExist):
		return Program{}, err
	}
	program, err := s.self(platform)
	return program, fault.New(fault.Environment, err,
		"install a release of tkdeploy or run make build; for other platforms, set verify.image to an image with the program (docs/platforms.md)")
}

// self returns tkdeploy itself.
func (s source) self(platform string) (Program, error) {
	if platform != s.platform {
		return Program{}, fmt.Errorf("this build of tkdeploy for %s has no smoke test program for nodes of platform %s", s.platform, platform)
	}
	path, err := s.executable()
	if err != nil {
		return Program{}, fmt.Errorf("find the executable of tkdeploy: %w", err)
	}
	digest, err := digestStatic(path)
	if err != nil {
		return Program{}, fmt.Errorf("this build of tkdeploy has no smoke test program, and %s cannot replace it: %w", path, err)
	}
	return Program{digest, func() ([]byte, error) { return readExecutable(path) }}, nil
}

func uncompress(compressed []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, fmt.Errorf("uncompress the smoke test program: %w", err)
	}
	return io.ReadAll(reader)
}

// Embedded returns the platforms that this build embeds the program for.
func Embedded() []string {
	return slices.DeleteFunc(slices.Clone(Platforms), func(platform string) bool {
		_, err := fs.Stat(programs, "programs/"+FileName(platform))
		return err != nil
	})
}
