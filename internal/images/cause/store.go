package cause

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"tkdeploy.dev/tkdeploy/internal/files"
)

const (
	maxRecords = 5        // images of a name, such as those of some branches
	maxInputs  = 20_000   // of an image; the files of a larger one are not named
	maxSize    = 64 << 20 // of a file
	removed    = "its image was removed"
)

// Store keeps the inputs of the newest images of each name in files. They are only for
// explanations: a lost or broken file costs the next one. The zero Store is empty.
type Store struct {
	Dir     string // "" stores nothing
	Project string // distinguishes images of the same name
}

// content is the content of a file.
type content struct {
	Key     []byte   `json:"key"` // for the hashes
	Records []record `json:"images"`
}

// Explain returns in one line what changed since the image that resembles now most, or
// "" if this is not known. Of several such images, it is the newest. After a change of
// branches, this names the change and not what distinguishes the branches.
func (s Store) Explain(name string, now Inputs) string {
	if s.Dir == "" {
		return ""
	}
	known, err := s.read(name)
	if err != nil || len(known.Records) == 0 {
		return ""
	}
	current := hasher(known.Key).record("", now)
	var nearest []change
	for _, old := range known.Records {
		changes := compare(old, current, now)
		if len(changes) == 0 && !old.WithoutFiles {
			return removed
		}
		if len(changes) > 0 && (nearest == nil || len(changes) < len(nearest)) {
			nearest = changes
		}
	}
	return format(nearest)
}

// Record stores the inputs of an image that was just built.
func (s Store) Record(name, ref string, in Inputs) error {
	if s.Dir == "" {
		return nil
	}
	known, err := s.read(name)
	if err != nil || len(known.Key) == 0 {
		known = content{Key: make([]byte, 16)}
		_, _ = rand.Read(known.Key) // never fails
	}
	withoutFiles := len(in.Inputs) > maxInputs
	if withoutFiles {
		in.Inputs = slices.DeleteFunc(slices.Clone(in.Inputs), func(i Input) bool { return isFile(i.Kind) })
	}
	added := hasher(known.Key).record(ref, in)
	added.WithoutFiles = withoutFiles
	others := slices.DeleteFunc(known.Records, func(r record) bool { return r.Ref == ref })
	known.Records = append([]record{added}, others[:min(len(others), maxRecords-1)]...)
	text, err := json.Marshal(known)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return fmt.Errorf("store the inputs of image %s: %w", name, err)
	}
	return files.Write(s.path(name), text, 0o600)
}

func (s Store) read(name string) (content, error) {
	var c content
	text, err := files.Read(s.path(name), maxSize)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c, nil
	case err != nil:
		return c, err
	}
	return c, json.Unmarshal(text, &c)
}

func (s Store) path(name string) string {
	sum := sha256.Sum256([]byte(s.Project + "\x00" + name))
	return filepath.Join(s.Dir, fmt.Sprintf("%x.json", sum[:16]))
}
