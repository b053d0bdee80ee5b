package inputs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/tonistiigi/fsutil/types"
	"golang.org/x/sync/errgroup"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// headSize is how much of a file is looked at for credentials.
const headSize = 16 << 10

// CheckContexts refuses builds that would copy a credential: a file that is one
// as a whole, such as .env or a private key, is not ignored and is read by the
// Dockerfile's target. COPY --exclude does not count: the file is sent to the
// engine nevertheless. [Build.Allow] lets files pass. It asks no engine and reads
// only names and the starts of files; no content is told. Errors are of class
// [fault.Config] and name all such files.
func CheckContexts(ctx context.Context, builds []Build) error {
	v := NewLookupCache(nil)
	found := make([][]leak, len(builds))
	work, ctx := errgroup.WithContext(ctx)
	for i, b := range builds {
		work.Go(func() (err error) {
			if found[i], err = v.leaks(ctx, b); err != nil {
				return fmt.Errorf("look for credentials in the build context of %s: %w", b.Name, err)
			}
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return err
	}
	return refuseLeaks(builds, found)
}

// A leak is a credential that a build would copy.
type leak struct{ path, what string }

func (v *LookupCache) leaks(ctx context.Context, b Build) ([]leak, error) {
	dockerfile, err := os.ReadFile(b.DockerfilePath())
	if err != nil {
		return nil, fault.New(fault.Config, err, "")
	}
	unknown := func(context.Context, string) ([]byte, error) { return nil, nil }
	platform := b.Platform
	if platform == "" {
		platform = "linux/" + runtime.GOARCH // which files are read is the same on all
	}
	files, filter, err := v.contextOf(b, readsOf(ctx, dockerfile, b, platform, unknown))
	if files == nil || err != nil {
		return nil, err
	}
	stats, err := files.stats(ctx, filter)
	if err != nil {
		return nil, fault.New(fault.Config, err, "")
	}
	var found []leak
	for _, s := range stats {
		what, err := files.credential(s)
		if err != nil {
			return nil, fault.New(fault.Config, err, "")
		}
		if path := filepath.Join(b.Context, s.Path); what != "" && !b.allows(path) {
			found = append(found, leak{path, what})
		}
	}
	return found, ctx.Err()
}

// credential says what credential the file is, or "".
func (t *tree) credential(s *types.Stat) (string, error) {
	name := filepath.ToSlash(s.Path)
	if !fs.FileMode(s.Mode).IsRegular() || plainSource(name) {
		return "", nil
	}
	t.mu.Lock()
	what, known := t.credentials[name]
	t.mu.Unlock()
	if known {
		return what, nil
	}
	head, err := readHead(filepath.Join(t.root, s.Path))
	if err != nil {
		return "", err
	}
	what = credentialIn(name, head)
	t.mu.Lock()
	t.credentials[name] = what
	t.mu.Unlock()
	return what, nil
}

// readHead is the start of a file's content.
func readHead(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, headSize))
}

// refuseLeaks makes an error of what was found: each file once, with all images.
func refuseLeaks(builds []Build, found [][]leak) error {
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
			fmt.Errorf("%s is %s, and would be copied into %s", l.path, l.what, strings.Join(images[l], ", ")),
			fmt.Sprintf("list it in %s; if it holds no secret, in tkdeploy.yaml under build.allow of %s",
				ignores[l], strings.Join(images[l], ", "))))
	}
	return errors.Join(problems...)
}
