package inputs

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"sync"
	"unicode/utf8"

	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"
	"golang.org/x/sync/errgroup"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// tree is a directory whose files are read at most once.
type tree struct {
	root string
	fs   fsutil.FS

	mu          sync.Mutex
	contents    map[string]func() (content, error)
	credentials map[string]string // kind by path, "" for none
}

func newTree(root string) (*tree, error) {
	files, err := fsutil.NewFS(root)
	if err != nil {
		return nil, err
	}
	return &tree{root: root, fs: files, contents: map[string]func() (content, error){}, credentials: map[string]string{}}, nil
}

// entries returns what the filter selects, with the contents of the files.
func (t *tree) entries(ctx context.Context, filter fsutil.FilterOpt) ([]entry, error) {
	stats, err := walk(ctx, t.fs, filter)
	if err != nil {
		return nil, err
	}
	if err := checkNames(t.root, stats); err != nil {
		return nil, err
	}
	entries := make([]entry, len(stats))
	// A failure does not cancel the other reads: another build may wait for them.
	var work errgroup.Group
	work.SetLimit(runtime.GOMAXPROCS(0))
	for i, stat := range stats {
		work.Go(func() (err error) {
			if fs.FileMode(stat.Mode).IsRegular() {
				entries[i], err = t.file(ctx, stat)
				return err
			}
			entries[i] = newEntry(stat, "")
			return nil
		})
	}
	return entries, work.Wait()
}

func (t *tree) file(ctx context.Context, stat *types.Stat) (entry, error) {
	path := filepath.Join(t.root, stat.Path)
	read, err := Memoize(&t.mu, t.contents, stat.Path, func() (content, error) { return readContent(ctx, path) })
	if err != nil {
		return entry{}, err
	}
	stat.Size, stat.Linkname = read.size, "" // a hard link is sent as a file of its own
	return newEntry(stat, read.sum), nil
}

// checkNames refuses names that BuildKit's protocol cannot transfer.
func checkNames(root string, stats []*types.Stat) error {
	for _, s := range stats {
		what, name := "the name", s.Path
		if utf8.ValidString(name) {
			what, name = "the target of the link", s.Linkname
		}
		if !utf8.ValidString(name) {
			return fault.New(fault.Config, fmt.Errorf("%q in the build context: %s %q is not valid UTF-8", filepath.Join(root, s.Path), what, name),
				"rename it, or list it in .dockerignore with a ? for each invalid byte")
		}
	}
	return nil
}

func walk(ctx context.Context, files fsutil.FS, filter fsutil.FilterOpt) ([]*types.Stat, error) {
	filtered, err := fsutil.NewFilterFS(files, &filter)
	if err != nil {
		return nil, err
	}
	var stats []*types.Stat
	err = filtered.Walk(ctx, "", func(_ string, found fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := found.Info()
		if err != nil {
			return err
		}
		stats = append(stats, info.Sys().(*types.Stat))
		return nil
	})
	return stats, err
}

// lines describes the entries, one per line.
func lines(entries []entry) []string {
	all := make([]string, len(entries))
	for i, e := range entries {
		all[i] = e.line
	}
	return all
}

// entry is a file, directory, link or special file.
type entry struct {
	stat *types.Stat
	sum  string // hex, of a regular file
	line string
}

// newEntry replaces what a build must not depend on: the owner, and the fraction
// of the time. BuildKit sends a file only if its size or time differs from the
// last build's, so the fraction is derived from the content. Images store whole
// seconds.
func newEntry(stat *types.Stat, sum string) entry {
	e := entry{stat: stat, sum: sum, line: describe(stat, sum)}
	stat.Uid, stat.Gid = 0, 0
	if sum != "" {
		stat.ModTime = stat.ModTime/1e9*1e9 + fraction(e.line)
	}
	return e
}

// describe omits owners and times, which BuildKit ignores.
func describe(stat *types.Stat, sum string) string {
	mode := fs.FileMode(stat.Mode)
	line := fmt.Sprintf("%s %q ", mode, filepath.ToSlash(stat.Path))
	switch {
	case mode.IsRegular():
		line += sum
	case mode&fs.ModeDevice != 0:
		line += fmt.Sprintf("%d:%d", stat.Devmajor, stat.Devminor)
	default:
		line += fmt.Sprintf("%q", stat.Linkname)
	}
	return line + describeAttributes(stat.Xattrs)
}
