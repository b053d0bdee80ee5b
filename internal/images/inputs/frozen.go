package inputs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"

	"tkdeploy.dev/tkdeploy/internal/files"
)

// frozenFS serves entries as they were hashed, whatever happened to the files
// since.
type frozenFS struct {
	entries map[string]frozenEntry
	order   []string
	fail    func(error)
}

type frozenEntry struct {
	entry
	path       string // of the file
	ignoreFile string
	text       []byte // used instead of path
}

var _ fsutil.FS = (*frozenFS)(nil)

func newFrozenFS(fail func(error)) *frozenFS {
	return &frozenFS{entries: map[string]frozenEntry{}, fail: fail}
}

func (e frozenEntry) changed() error { return &ChangedError{Input: e.path, IgnoreFile: e.ignoreFile} }

func textEntry(name string, text []byte) frozenEntry {
	stat := &types.Stat{Path: name, Mode: 0o644, Size: int64(len(text))}
	return frozenEntry{entry: newEntry(stat, fmt.Sprintf("%x", sha256.Sum256(text))), text: text}
}

// add reports whether no different entry has the same path.
func (f *frozenFS) add(e frozenEntry) bool {
	known, found := f.entries[e.stat.Path]
	if !found {
		f.entries[e.stat.Path] = e
	}
	return !found || known.line == e.line
}

func (f *frozenFS) sort() {
	f.order = nil
	for name := range f.entries {
		f.order = append(f.order, name)
	}
	slices.SortFunc(f.order, fsutil.ComparePath)
}

// Walk implements [fsutil.FS].
func (f *frozenFS) Walk(ctx context.Context, target string, fn fs.WalkDirFunc) error {
	target = path.Clean("/" + filepath.ToSlash(target))
	skipped := "" // a directory
	for _, name := range f.order {
		if !within(target, "/"+name) || skipped != "" && within(skipped, "/"+name) {
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		e := f.entries[name]
		err := fn(filepath.FromSlash(name), &fsutil.DirEntryInfo{Stat: e.stat.Clone()}, nil)
		switch {
		case errors.Is(err, fs.SkipDir) && e.stat.IsDir():
			skipped = "/" + name
		case errors.Is(err, fs.SkipDir):
			skipped = path.Dir("/" + name)
		case err != nil:
			return err
		}
	}
	return nil
}

func within(dir, name string) bool {
	return dir == "/" || name == dir || strings.HasPrefix(name, dir+"/")
}

// Open implements [fsutil.FS]. It never fails, because fsutil would send an empty
// file: the reader fails instead.
func (f *frozenFS) Open(name string) (io.ReadCloser, error) {
	e, found := f.entries[filepath.ToSlash(name)]
	r := &frozenReader{sum: sha256.New(), entry: e, fail: f.fail}
	switch {
	case !found:
		r.from = failingReader{fmt.Errorf("%s is not an input", name)}
	case e.text != nil:
		r.from = bytes.NewReader(e.text)
	case e.stat.Size == 0: // also a socket
		r.from = bytes.NewReader(nil)
	default:
		file, err := files.Open(e.path)
		if err != nil {
			r.from = failingReader{e.changed()}
			break
		}
		r.from, r.file = io.LimitReader(file, e.stat.Size), file
	}
	return r, nil
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }
