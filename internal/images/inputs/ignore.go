package inputs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/moby/patternmatcher/ignorefile"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

func ignorePatterns(b Build) ([]string, error) {
	path := b.ignoreFile()
	patterns, err := readIgnoreFile(path)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return patterns, nil
	}
	return nil, fault.New(fault.Config, fmt.Errorf("read %s: %w", path, err), "")
}

func readIgnoreFile(path string) ([]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return ignorefile.ReadAll(file)
}
