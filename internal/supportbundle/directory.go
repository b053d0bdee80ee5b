package supportbundle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
)

// maxBundles is the number of bundles to keep. Ten cover a week of failing nightly
// runs and fill at most 2.5 GiB at the default limits.
const maxBundles = 10

// bundleName matches bundle directories. Names sort by time. They have no colons,
// which some artifact stores reject.
var bundleName = regexp.MustCompile(`^\d{8}T\d{6}Z-[a-z]+(-\d+)?$`)

// Check returns an error if a bundle cannot be written to dir. It leaves no files
// behind, not even dir.
func Check(dir string) error {
	existing := dir
	for {
		info, err := os.Stat(existing)
		if err == nil && !info.IsDir() {
			return cannotWrite(dir, fmt.Errorf("%s is not a directory", existing))
		}
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || existing == filepath.Dir(existing) {
			return cannotWrite(dir, err)
		}
		existing = filepath.Dir(existing)
	}
	probe, err := files.NewTempDir(existing, ".diagnostics-")
	if err != nil {
		return cannotWrite(dir, err)
	}
	return cannotWrite(dir, probe.Remove())
}

func cannotWrite(dir string, err error) error {
	if err == nil {
		return nil
	}
	return fault.New(fault.Environment, fmt.Errorf("write support bundle to %s: %w", dir, err),
		"choose a writable directory: --diagnostics DIR")
}

func createDirectory(dir, command string, now time.Time) (string, error) {
	// A CI server may collect the bundle as another user.
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", cannotWrite(dir, err)
	}
	name := now.UTC().Format("20060102T150405Z") + "-" + command
	path := filepath.Join(dir, name)
	for n := 2; ; n++ {
		err := os.Mkdir(path, 0o755)
		if err == nil {
			return path, nil
		}
		if !errors.Is(err, fs.ErrExist) || n > 100 {
			return "", cannotWrite(dir, err)
		}
		path = filepath.Join(dir, fmt.Sprintf("%s-%d", name, n))
	}
}

// prune makes room for one more bundle in dir. It recognizes bundles by name and
// index.
func prune(dir string) error {
	entries, err := os.ReadDir(dir) // sorted by name, so oldest first
	if err != nil {
		return err
	}
	var bundles []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if e.IsDir() && bundleName.MatchString(e.Name()) && hasIndex(path) {
			bundles = append(bundles, path)
		}
	}
	var errs []error
	for _, path := range bundles[:max(0, len(bundles)-(maxBundles-1))] {
		errs = append(errs, os.RemoveAll(path))
	}
	return errors.Join(errs...)
}

func hasIndex(bundle string) bool {
	text, err := files.Head(filepath.Join(bundle, indexName), int64(len(indexPrefix)))
	return err == nil && string(text) == indexPrefix
}
