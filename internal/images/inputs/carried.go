package inputs

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// Carried is what a build context without an ignore file contains, but images rarely
// need: git's files, which each commit changes, and the configuration of deployments.
type Carried struct {
	IgnoreFile string   // does not exist
	Lines      []string // for IgnoreFile
	Images     []string // that each change rebuilds
}

// String returns a hint in one line.
func (c Carried) String() string {
	return fmt.Sprintf("%s: rebuilt by each change of %s, because build context %s has no .dockerignore; if no image needs them, run tkdeploy doctor --fix, or write to %s: %s",
		strings.Join(c.Images, ", "), strings.Join(c.Lines, ", "), filepath.Dir(c.IgnoreFile), c.IgnoreFile, strings.Join(c.Lines, " "))
}

// CarriedBy returns what the snapshots carry of git's files and of own, the absolute
// paths of the configuration, by build context. It reads no file.
func CarriedBy(snapshots []*Snapshot, own []string) []Carried {
	var all []Carried
	for _, s := range snapshots {
		if s.root == "" || s.ignore != nil {
			continue
		}
		var paths []string
		for _, e := range s.entries {
			paths = append(paths, filepath.ToSlash(e.stat.Path))
		}
		all = addCarried(all, s.build, paths, own)
	}
	return all
}

// CarriedIn is like [CarriedBy], but predicts what the builds read. It uses no engine.
func CarriedIn(ctx context.Context, builds []Build, own []string) ([]Carried, error) {
	var all []Carried
	cache := NewLookupCache(nil)
	for _, b := range builds {
		ignore, err := readIgnoreFile(b)
		if err != nil {
			return nil, err
		}
		if ignore != nil {
			continue
		}
		stats, err := cache.predict(ctx, b)
		if err != nil {
			return nil, err
		}
		var paths []string
		for _, s := range stats {
			paths = append(paths, filepath.ToSlash(s.Path))
		}
		all = addCarried(all, b, paths, own)
	}
	return all, nil
}

func addCarried(all []Carried, b Build, paths, own []string) []Carried {
	var lines []string
	for _, candidate := range append([]string{filepath.Join(b.Context, ".git")}, own...) {
		path, err := filepath.Rel(b.Context, candidate)
		path = filepath.ToSlash(path)
		covered := slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(path, line+"/") })
		if err == nil && !covered && slices.Contains(paths, path) {
			lines = text.AppendUnique(lines, path)
		}
	}
	if len(lines) == 0 {
		return all
	}
	file := b.ignoreFile()
	i := slices.IndexFunc(all, func(c Carried) bool { return c.IgnoreFile == file })
	if i < 0 {
		return append(all, Carried{IgnoreFile: file, Lines: lines, Images: []string{b.Name}})
	}
	all[i].Images = append(all[i].Images, b.Name)
	for _, line := range lines {
		all[i].Lines = text.AppendUnique(all[i].Lines, line)
	}
	return all
}
