package inputs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/tonistiigi/fsutil/types"
	"golang.org/x/sync/errgroup"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
)

// headSize is how much of a file is scanned.
const headSize = 16 << 10

// CheckContexts returns an error of class [fault.Config] if a build reads
// credentials, such as .env or a private key, that are neither ignored nor
// allowed. The error names every file but not its content. COPY --exclude does
// not help, because the engine still receives the file.
//
// It uses no engine, so it does not know the ONBUILD instructions of base images:
// [LookupCache.CheckSnapshots] does.
func CheckContexts(ctx context.Context, builds []Build) error {
	cache := NewLookupCache(nil)
	return scan(ctx, builds, func(ctx context.Context, i int) ([]leak, error) {
		stats, err := cache.predict(ctx, builds[i])
		if stats == nil || err != nil {
			return nil, err
		}
		return cache.leaks(ctx, builds[i], stats)
	})
}

// CheckSnapshots is like [CheckContexts], but checks exactly the files that the
// builds receive.
func (c *LookupCache) CheckSnapshots(ctx context.Context, snapshots []*Snapshot) error {
	var builds []Build
	for _, s := range snapshots {
		builds = append(builds, s.build)
	}
	return scan(ctx, builds, func(ctx context.Context, i int) ([]leak, error) {
		var stats []*types.Stat
		for _, e := range snapshots[i].entries {
			stats = append(stats, e.stat)
		}
		return c.leaks(ctx, builds[i], stats)
	})
}

func scan(ctx context.Context, builds []Build, leaks func(context.Context, int) ([]leak, error)) error {
	found := make([][]leak, len(builds))
	work, ctx := errgroup.WithContext(ctx)
	for i, b := range builds {
		work.Go(func() (err error) {
			if found[i], err = leaks(ctx, i); err != nil {
				return fmt.Errorf("scan the build context of %s for credentials: %w", b.Name, err)
			}
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return err
	}
	return leakError(builds, found)
}

// predict returns the files that the build reads unless a base image adds some.
func (c *LookupCache) predict(ctx context.Context, b Build) ([]*types.Stat, error) {
	dockerfile, err := readDockerfile(b)
	if err != nil {
		return nil, err
	}
	ignore, err := readIgnoreFile(b)
	if err != nil {
		return nil, err
	}
	unknown := func(context.Context, string) ([]byte, error) { return nil, nil }
	platform := b.Platform
	if platform == "" {
		platform = "linux/" + runtime.GOARCH // without an engine
	}
	t, filter, err := c.contextOf(b, readsOf(ctx, dockerfile, b, platform, unknown), ignore)
	if t == nil || err != nil {
		return nil, err
	}
	stats, err := walk(ctx, t.fs, filter)
	return stats, fault.New(fault.Config, err, "")
}

type leak struct{ path, kind string }

func (c *LookupCache) leaks(ctx context.Context, b Build, stats []*types.Stat) ([]leak, error) {
	t, err := c.tree(b.Context)
	if err != nil {
		return nil, fault.New(fault.Config, err, "")
	}
	var found []leak
	for _, s := range stats {
		kind, err := t.credential(s)
		if err != nil {
			return nil, fault.New(fault.Config, err, "")
		}
		if path := filepath.Join(b.Context, s.Path); kind != "" && !b.allows(path) {
			found = append(found, leak{path, kind})
		}
	}
	return found, ctx.Err()
}

func (t *tree) credential(s *types.Stat) (string, error) {
	name := filepath.ToSlash(s.Path)
	if !fs.FileMode(s.Mode).IsRegular() || plainSource(name) {
		return "", nil
	}
	t.mu.Lock()
	kind, known := t.credentials[name]
	t.mu.Unlock()
	if known {
		return kind, nil
	}
	head, err := readHead(filepath.Join(t.root, s.Path))
	if err != nil {
		return "", err
	}
	kind = credentialIn(name, head)
	t.mu.Lock()
	t.credentials[name] = kind
	t.mu.Unlock()
	return kind, nil
}

// readHead returns nothing for a socket, like [readContent].
func readHead(path string) ([]byte, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSocket != 0 {
		return nil, nil
	}
	return files.Head(path, headSize)
}

func leakError(builds []Build, found [][]leak) error {
	images := map[leak][]string{}
	ignores := map[leak]string{}
	var order []leak
	for i, leaks := range found {
		for _, l := range leaks {
			if images[l] == nil {
				order = append(order, l)
				ignores[l] = builds[i].ignoreFile()
			}
			images[l] = append(images[l], builds[i].Name)
		}
	}
	var problems []error
	for _, l := range order {
		problems = append(problems, fault.New(fault.Config,
			fmt.Errorf("%s is %s, and would be copied into %s", l.path, l.kind, strings.Join(images[l], ", ")),
			fmt.Sprintf("list it in %s; if it holds no secret, in tkdeploy.yaml under build.allow of %s",
				ignores[l], strings.Join(images[l], ", "))))
	}
	return errors.Join(problems...)
}
