package main

import (
	"fmt"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// check returns a line for each exceeded limit of the packages that match the
// patterns, relative to dir.
func check(dir string, patterns ...string) ([]string, error) {
	pkgs, err := packages.Load(&packages.Config{Mode: packages.LoadSyntax, Dir: dir}, patterns...)
	if err != nil {
		return nil, fmt.Errorf("load packages: %w", err)
	}
	var problems []string
	for _, pkg := range pkgs {
		if len(pkg.Errors) > 0 {
			return nil, fmt.Errorf("load %s: %w", pkg.PkgPath, pkg.Errors[0])
		}
		problems = append(problems, measure(pkg)...)
	}
	return problems, nil
}

func measure(pkg *packages.Package) (problems []string) {
	lines := 0
	for _, file := range pkg.Syntax {
		lines += pkg.Fset.Position(file.FileEnd).Line
	}
	if n := len(pkg.Syntax); n > maxFiles {
		problems = append(problems, fmt.Sprintf("%s: %d files, want at most %d", pkg.PkgPath, n, maxFiles))
	}
	if lines > maxLines {
		problems = append(problems, fmt.Sprintf("%s: %d lines, want at most %d", pkg.PkgPath, lines, maxLines))
	}
	for _, circle := range circles(uses(pkg)) {
		if len(circle) > maxCircle {
			problems = append(problems, fmt.Sprintf("%s: %d files use each other in a circle, want at most %d: %s",
				pkg.PkgPath, len(circle), maxCircle, strings.Join(circle, " ")))
		}
	}
	return problems
}

// graph maps each file to the files that declare what it uses.
type graph map[string]map[string]bool

// uses returns the graph of the package's files. A file uses another if it
// refers to a package-level name, a method or a field that the other declares.
func uses(pkg *packages.Package) graph {
	g := graph{}
	file := func(pos token.Pos) string { return filepath.Base(pkg.Fset.Position(pos).Filename) }
	for ident, object := range pkg.TypesInfo.Uses {
		if object.Pkg() != pkg.Types || isLocal(object, pkg.Types.Scope()) {
			continue
		}
		from, to := file(ident.Pos()), file(object.Pos())
		if g[from] == nil {
			g[from] = map[string]bool{}
		}
		if from != to {
			g[from][to] = true
		}
	}
	return g
}

func isLocal(object types.Object, scope *types.Scope) bool {
	switch object := object.(type) {
	case *types.Func:
		return false
	case *types.Var:
		return !object.IsField() && object.Parent() != scope
	}
	return object.Parent() != scope
}

// circles returns the sets of files that reach each other.
func circles(g graph) [][]string {
	reach := graph{}
	for from := range g {
		reach[from] = map[string]bool{}
		visit(g, from, reach[from])
	}
	var found [][]string
	seen := map[string]bool{}
	for _, from := range slices.Sorted(maps.Keys(g)) {
		circle := []string{from}
		for _, to := range slices.Sorted(maps.Keys(reach[from])) {
			if to != from && reach[to][from] {
				circle = append(circle, to)
			}
		}
		if len(circle) > 1 && !seen[from] {
			slices.Sort(circle)
			found = append(found, circle)
		}
		for _, file := range circle {
			seen[file] = true
		}
	}
	return found
}

func visit(g graph, from string, seen map[string]bool) {
	for to := range g[from] {
		if !seen[to] {
			seen[to] = true
			visit(g, to, seen)
		}
	}
}
