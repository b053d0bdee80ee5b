package inputs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"

	"github.com/moby/patternmatcher/ignorefile"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
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
	text, err := files.Read(path, files.ConfigLimit)
	if err != nil {
		return nil, err
	}
	return ignorefile.ReadAll(bytes.NewReader(text))
}
