package inputs

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"
	"golang.org/x/sync/errgroup"

	"tkdeploy.dev/tkdeploy/internal/files"
)

// tree is a directory whose files are hashed at most once.
type tree struct {
	root string
	fs   fsutil.FS

	mu          sync.Mutex
	sums        map[string]*fileSum
	credentials map[string]string // kind by path, "" for none
}

type fileSum struct {
	once sync.Once
	hex  string
	err  error
}

func newTree(root string) (*tree, error) {
	files, err := fsutil.NewFS(root)
	if err != nil {
		return nil, err
	}
	return &tree{root: root, fs: files, sums: map[string]*fileSum{}, credentials: map[string]string{}}, nil
}

// list omits owners and times, which BuildKit ignores.
func (t *tree) list(ctx context.Context, filter fsutil.FilterOpt) ([]string, error) {
	stats, err := t.stats(ctx, filter)
	if err != nil {
		return nil, err
	}
	return t.describe(ctx, stats)
}

func (t *tree) stats(ctx context.Context, filter fsutil.FilterOpt) ([]*types.Stat, error) {
	filtered, err := fsutil.NewFilterFS(t.fs, &filter)
	if err != nil {
		return nil, err
	}
	var stats []*types.Stat
	err = filtered.Walk(ctx, "", func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		stats = append(stats, info.Sys().(*types.Stat))
		return nil
	})
	return stats, err
}

func (t *tree) describe(ctx context.Context, stats []*types.Stat) ([]string, error) {
	lines := make([]string, len(stats))
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(runtime.GOMAXPROCS(0))
	for i, stat := range stats {
		mode := fs.FileMode(stat.Mode)
		name := filepath.ToSlash(stat.Path)
		if !mode.IsRegular() {
			lines[i] = fmt.Sprintf("%s %q %q", mode, name, stat.Linkname)
			continue
		}
		work.Go(func() error {
			sum, err := t.sum(ctx, stat.Path)
			lines[i] = fmt.Sprintf("%s %q %s", mode, name, sum)
			return err
		})
	}
	return lines, work.Wait()
}

func (t *tree) sum(ctx context.Context, path string) (string, error) {
	t.mu.Lock()
	s := t.sums[path]
	if s == nil {
		s = &fileSum{}
		t.sums[path] = s
	}
	t.mu.Unlock()
	s.once.Do(func() {
		if s.err = ctx.Err(); s.err == nil {
			s.hex, s.err = hashFile(ctx, filepath.Join(t.root, path))
		}
	})
	return s.hex, s.err
}

func hashFile(ctx context.Context, path string) (string, error) {
	file, err := files.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, files.NewReader(ctx, file)); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}
