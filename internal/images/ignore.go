package images

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/moby/patternmatcher/ignorefile"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// ignorePatterns reads what a build's context leaves out. As in BuildKit,
// <Dockerfile>.dockerignore beside the Dockerfile replaces the context's own
// .dockerignore.
func ignorePatterns(b Build) ([]string, error) {
	for _, path := range []string{b.dockerfile() + ".dockerignore", filepath.Join(b.Context, ".dockerignore")} {
		patterns, err := readIgnoreFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fault.New(fault.Config, fmt.Errorf("read %s: %w", path, err), "")
		}
		return patterns, nil
	}
	return nil, nil
}

func readIgnoreFile(path string) ([]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return ignorefile.ReadAll(file)
}
