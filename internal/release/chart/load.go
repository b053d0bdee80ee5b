package chart

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"helm.sh/helm/v3/pkg/action"
	helmchart "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/ignore"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
)

// loadChart never fetches dependencies.
func loadChart(path string) (*helmchart.Chart, error) {
	if err := errors.Join(checkLinks(path), checkRegular(path)); err != nil {
		return nil, fault.New(fault.Config, fmt.Errorf("read chart %s: %w", path, err), "")
	}
	c, err := loader.Load(path)
	if err != nil {
		return nil, fault.New(fault.Config, fmt.Errorf("read chart %s: %w", path, err), "")
	}
	if err := action.CheckDependencies(c, c.Metadata.Dependencies); err != nil {
		hint := "add the dependencies to " + filepath.Join(path, "charts") + " (helm dependency build); tkdeploy does not fetch them"
		return nil, fault.New(fault.Config, fmt.Errorf("read chart %s: %w", path, err), hint)
	}
	return c, nil
}

// checkLinks rejects symbolic links that point outside the chart, which Helm would follow
// (CVE-2025-53547), and links to a parent directory.
func checkLinks(path string) error {
	root, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		return err
	}
	var escapes []error
	err = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type()&fs.ModeSymlink == 0 {
			return err
		}
		target, err := filepath.EvalSymlinks(name)
		switch {
		case err != nil:
			escapes = append(escapes, err)
		case !isWithin(root, target):
			escapes = append(escapes, fmt.Errorf("symbolic link %s points outside the chart", name))
		case isWithin(target, name):
			escapes = append(escapes, fmt.Errorf("symbolic link %s points to a directory that contains it", name))
		}
		return nil
	})
	return errors.Join(append(escapes, err)...)
}

// checkRegular checks what Helm opens without a check: an archive, and the ignore file
// of a directory.
func checkRegular(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		_, err := files.Read(filepath.Join(path, ignore.HelmIgnore), files.ConfigLimit)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	archive, err := files.Open(path)
	if err != nil {
		return err
	}
	return archive.Close()
}

func isWithin(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// copyChart returns a copy, because Helm's actions modify their chart.
func copyChart(c *helmchart.Chart) (*helmchart.Chart, error) {
	files := make([]*loader.BufferedFile, len(c.Raw))
	for i, f := range c.Raw {
		files[i] = &loader.BufferedFile{Name: f.Name, Data: f.Data}
	}
	return loader.LoadFiles(files)
}
