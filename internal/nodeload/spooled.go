package nodeload

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"

	digest "github.com/opencontainers/go-digest"

	"tkdeploy.dev/tkdeploy/internal/files"
)

type spooled map[string]spooledFile

type spooledFile struct {
	digest digest.Digest
	size   int64
	path   string // "" if dropped
	link   string // target of a link
}

func (f spooledFile) write() func(io.Writer) error {
	if f.path == "" {
		return nil
	}
	return func(w io.Writer) error {
		file, err := os.Open(f.path)
		if err != nil {
			return err
		}
		defer file.Close()
		_, err = io.Copy(w, file)
		return err
	}
}

// find follows links, which the older format uses for repeated layers.
func (s spooled) find(name string) (spooledFile, error) {
	for range len(s) {
		file, found := s[path.Clean(name)]
		if !found {
			break
		}
		if file.link == "" {
			return file, nil
		}
		name = file.link
	}
	return spooledFile{}, fmt.Errorf("%s is not in the archive", name)
}

func (s spooled) read(name string) ([]byte, error) {
	file, err := s.find(name)
	if err != nil {
		return nil, err
	}
	return files.Read(file.path, files.ConfigLimit)
}

func (s spooled) decode(name string, into any) ([]byte, error) {
	text, err := s.read(name)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return text, nil
}
