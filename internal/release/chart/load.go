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

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// loadChart reads a chart from its directory or archive. Dependencies must be
// in it: they are never fetched.
func loadChart(path string) (*helmchart.Chart, error) {
	if err := refuseEscapes(path); err != nil {
		return nil, fault.New(fault.Config, fmt.Errorf("read chart %s: %w", path, err), "")
	}
	c, err := loader.Load(path)
	if err != nil {
		return nil, fault.New(fault.Config, fmt.Errorf("read chart %s: %w", path, err), "")
	}
	if err := action.CheckDependencies(c, c.Metadata.Dependencies); err != nil {
		hint := "put the dependencies into " + filepath.Join(path, "charts") + " (helm dependency build): they are not fetched at deploy time"
		return nil, fault.New(fault.Config, fmt.Errorf("read chart %s: %w", path, err), hint)
	}
	return c, nil
}

// refuseEscapes refuses symbolic links that lead out of the chart (Helm follows
// them: CVE-2025-53547) and links to a folder that the link itself is in.
func refuseEscapes(path string) error {
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
		case !within(root, target):
			escapes = append(escapes, fmt.Errorf("%s is a link that leaves the chart", name))
		case within(target, name):
			escapes = append(escapes, fmt.Errorf("%s is a link to a folder that it is in", name))
		}
		return nil
	})
	return errors.Join(append(escapes, err)...)
}

func within(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// reload makes a chart again from its files. Helm's actions change the chart
// that they are given (they drop disabled dependencies), so each gets its own.
func reload(c *helmchart.Chart) (*helmchart.Chart, error) {
	files := make([]*loader.BufferedFile, len(c.Raw))
	for i, f := range c.Raw {
		files[i] = &loader.BufferedFile{Name: f.Name, Data: f.Data}
	}
	return loader.LoadFiles(files)
}

// names are those under which c's values hold the values of its subchart sub:
// its own, or the aliases that Chart.yaml gives it.
func names(c, sub *helmchart.Chart) []string {
	var aliases []string
	for _, dep := range c.Metadata.Dependencies {
		if dep.Name == sub.Name() && dep.Alias != "" {
			aliases = append(aliases, dep.Alias)
		} else if dep.Name == sub.Name() {
			aliases = append(aliases, dep.Name)
		}
	}
	if len(aliases) == 0 {
		return []string{sub.Name()}
	}
	return aliases
}

func rawFile(c *helmchart.Chart, name string) []byte {
	for _, f := range c.Raw {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}
