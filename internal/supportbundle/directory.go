package supportbundle

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// maxBundles is the number of bundles kept in a directory. Ten cover a week of
// failing nightly runs, and at the default limits fill at most 2.5 GiB.
const maxBundles = 10

// bundleName matches the name of a bundle's directory. Names sort by time, and
// have no colons, because some artifact stores reject them.
var bundleName = regexp.MustCompile(`^\d{8}T\d{6}Z-[a-z]+(-\d+)?$`)

// Check returns an error if a bundle could not be written to a directory in dir.
// It leaves no files behind, because a successful run writes no bundle.
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
	probe, err := os.MkdirTemp(existing, ".diagnostics-*")
	if err != nil {
		return cannotWrite(dir, err)
	}
	return cannotWrite(dir, os.Remove(probe))
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

// prune removes the oldest bundles in dir to make room for one more. It recognizes
// a bundle by its name and its index.
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
	text, err := os.ReadFile(filepath.Join(bundle, indexName))
	return err == nil && bytes.HasPrefix(text, []byte(indexPrefix))
}
