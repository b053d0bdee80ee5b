// Package modules finds the modules that tkdeploy links, and their licenses. It reads
// only the module cache.
package modules

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Platforms are those of the archives, as GOOS/GOARCH.
var Platforms = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64"}

// Module is a module with its packages that are linked on any platform.
type Module struct {
	Path, Version string
	Dir           string
	Packages      []string // sorted
	Licenses      []File   // sorted by name
}

// File is a license text or a notice.
type File struct {
	Name string // relative to the module, with slashes
	Text string
	IDs  []string // SPDX identifiers; none for a notice
}

// Expression returns the licenses of m as an SPDX expression.
func (m Module) Expression() string {
	ids := make(map[string]bool)
	for _, f := range m.Licenses {
		for _, id := range f.IDs {
			ids[id] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(ids)), " AND ")
}

// listed is a package in the output of go list.
type listed struct {
	ImportPath string
	Dir        string
	Standard   bool
	Module     *struct {
		Path, Version, Dir string
		Main               bool
		Replace            *struct{ Path, Version string }
	}
}

// List returns the modules that packages link on any of the platforms, sorted by path.
// dir is a directory of the main module, which is not in the list. The first module
// is the standard library, with path std. It fails if a license is unknown.
func List(ctx context.Context, dir string, platforms []string, packages ...string) ([]Module, error) {
	byPath := make(map[string]*Module)
	dirs := make(map[string]map[string]bool) // directories that may have licenses, by module
	seen := make(map[string]bool)
	for _, platform := range platforms {
		all, err := goList(ctx, dir, platform, packages)
		if err != nil {
			return nil, err
		}
		for _, p := range all {
			if p.Standard || p.Module == nil || p.Module.Main || seen[p.ImportPath] {
				continue
			}
			seen[p.ImportPath] = true
			m := byPath[p.Module.Path]
			if m == nil {
				m = &Module{Path: p.Module.Path, Version: p.Module.Version, Dir: p.Module.Dir}
				byPath[m.Path], dirs[m.Path] = m, make(map[string]bool)
			}
			m.Packages = append(m.Packages, p.ImportPath)
			for d := p.Dir; len(d) >= len(m.Dir); d = filepath.Dir(d) {
				dirs[m.Path][d] = true
			}
		}
	}
	std, err := standardLibrary(ctx, dir)
	if err != nil {
		return nil, err
	}
	modules := []Module{std}
	var unknown []error
	for _, path := range slices.Sorted(maps.Keys(byPath)) {
		m := byPath[path]
		slices.Sort(m.Packages)
		if m.Licenses, err = licenses(m.Dir, slices.Sorted(maps.Keys(dirs[path]))); err != nil {
			unknown = append(unknown, fmt.Errorf("%s@%s: %w", m.Path, m.Version, err))
		}
		modules = append(modules, *m)
	}
	return modules, errors.Join(unknown...)
}

func goList(ctx context.Context, dir, platform string, packages []string) ([]listed, error) {
	goos, goarch, _ := strings.Cut(platform, "/")
	output, err := goCommand(ctx, dir, []string{"GOOS=" + goos, "GOARCH=" + goarch, "CGO_ENABLED=0"},
		append([]string{"list", "-deps", "-json=ImportPath,Dir,Standard,Module"}, packages...)...)
	if err != nil {
		return nil, err
	}
	var all []listed
	decoder := json.NewDecoder(bytes.NewReader(output))
	for {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		all = append(all, p)
	}
}

func standardLibrary(ctx context.Context, dir string) (Module, error) {
	output, err := goCommand(ctx, dir, nil, "env", "GOROOT", "GOVERSION")
	if err != nil {
		return Module{}, err
	}
	root, version, _ := strings.Cut(strings.TrimSpace(string(output)), "\n")
	m := Module{Path: "std", Version: version, Dir: root}
	m.Licenses, err = licenses(root, []string{root})
	return m, err
}

func goCommand(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w: %s", args[0], err, stderr.String())
	}
	return output, nil
}
