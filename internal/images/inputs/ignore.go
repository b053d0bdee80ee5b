package inputs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
)

// readIgnoreFile returns the content of the build's ignore file, or nil if it has
// none. It follows links, also out of the context.
func readIgnoreFile(b Build) ([]byte, error) {
	path := b.ignoreFile()
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	text, err := files.Read(path, files.ConfigLimit)
	if err != nil {
		return nil, fault.New(fault.Config, fmt.Errorf("read the ignore file of %s: %w", b.Name, err), "")
	}
	return text, nil
}

// ignorePatterns returns an error with the line if the build would reject a pattern.
func ignorePatterns(b Build, ignore []byte) ([]string, error) {
	patterns, err := ignorefile.ReadAll(bytes.NewReader(ignore))
	if err == nil {
		_, err = patternmatcher.New(patterns)
	}
	if err != nil {
		return nil, fault.New(fault.Config, ignoreError(b, ignore, err), "correct the pattern, see https://docs.docker.com/build/concepts/context/#dockerignore-files")
	}
	return patterns, nil
}

// ignoreError names the first line that is wrong by itself.
func ignoreError(b Build, ignore []byte, err error) error {
	number := 0
	for line := range bytes.Lines(ignore) {
		number++
		patterns, err := ignorefile.ReadAll(bytes.NewReader(line))
		if err == nil {
			_, err = patternmatcher.New(patterns)
		}
		if err != nil {
			if cause := errors.Unwrap(err); cause != nil {
				err = cause
			}
			return fmt.Errorf("%s:%d: %q: %w", b.ignoreFile(), number, bytes.TrimSpace(line), err)
		}
	}
	return fmt.Errorf("%s: %w", b.ignoreFile(), err)
}
