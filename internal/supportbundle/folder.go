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

// keptBundles are how many bundles a folder keeps: enough for a bad week's
// nights, too few to fill a disk.
const keptBundles = 10

// bundleName is how a bundle's folder is named: UTC, so that the order of the
// names is that of time, and without a colon, which artifact stores refuse.
var bundleName = regexp.MustCompile(`^\d{8}T\d{6}Z-[a-z]+(-\d+)?$`)

// Check finds out before the work begins whether bundles can be written below
// dir, and leaves nothing behind: a run that succeeds writes none.
func Check(dir string) error {
	at := dir
	for {
		info, err := os.Stat(at)
		if err == nil && !info.IsDir() {
			return cannotWrite(dir, fmt.Errorf("%s is no folder", at))
		}
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			return cannotWrite(dir, err)
		}
		at = filepath.Dir(at)
	}
	probe, err := os.MkdirTemp(at, ".diagnostics-*")
	if err != nil {
		return cannotWrite(dir, err)
	}
	return cannotWrite(dir, os.Remove(probe))
}

func cannotWrite(dir string, err error) error {
	if err == nil {
		return nil
	}
	return fault.New(fault.Environment, fmt.Errorf("write diagnostics to %s: %w", dir, err), "name a folder that can be written: --diagnostics DIR")
}

// makeFolder makes a new folder below dir for the bundle of a command. What is
// there stays.
func makeFolder(dir, command string, now time.Time) (string, error) {
	// readable for the server that collects it, which may be another user
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

// prune removes the oldest bundles below dir, so that there is room for one more. What is no bundle, by its name and
// its index, is left alone.
func prune(dir string) error {
	entries, err := os.ReadDir(dir) // by name, the oldest first
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
	for _, path := range bundles[:max(0, len(bundles)-(keptBundles-1))] {
		errs = append(errs, os.RemoveAll(path))
	}
	return errors.Join(errs...)
}

func hasIndex(bundle string) bool {
	text, err := os.ReadFile(filepath.Join(bundle, indexName))
	return err == nil && bytes.HasPrefix(text, []byte(indexStart))
}
