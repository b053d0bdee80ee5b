package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheck(t *testing.T) {
	t.Setenv("GOFLAGS", "") // make test-faults sets -json, which go list does not accept here
	tests := []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"accepts a small package", map[string]string{"a.go": "package p\n"}, nil},
		{"counts files", manyFiles(21, func(int) string { return "package p\n" }), []string{"shape.test/p: 21 files, want at most 20"}},
		{"counts lines", map[string]string{"a.go": "package p\n" + strings.Repeat("\n", 2500)}, []string{"shape.test/p: 2501 lines, want at most 2500"}},
		{"finds a circle of functions", manyFiles(7, func(i int) string {
			return fmt.Sprintf("package p\n\nfunc f%d() { f%d() }\n", i, (i+1)%7)
		}), []string{"shape.test/p: 7 files use each other in a circle, want at most 6: f0.go f1.go f2.go f3.go f4.go f5.go f6.go"}},
		{"accepts a small circle", manyFiles(6, func(i int) string {
			return fmt.Sprintf("package p\n\nfunc f%d() { f%d() }\n", i, (i+1)%6)
		}), nil},
		{"accepts a chain", manyFiles(7, func(i int) string {
			return fmt.Sprintf("package p\n\ntype t%d struct{ next *t%d }\n", i, min(i+1, 6))
		}), nil},
		{"finds a circle of fields and methods", manyFiles(7, func(i int) string {
			return fmt.Sprintf("package p\n\ntype t%d struct{ field int }\n\nfunc (t t%d) method(u t%d) int { return u.field }\n", i, i, (i+1)%7)
		}), []string{"shape.test/p: 7 files use each other in a circle, want at most 6: f0.go f1.go f2.go f3.go f4.go f5.go f6.go"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			tt.files["../go.mod"] = "module shape.test\n\ngo 1.26\n"
			for name, text := range tt.files {
				path := filepath.Join(dir, "p", name)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got, err := check(dir, "./p")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("check (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("fails on a package that does not compile", func(t *testing.T) {
		dir := t.TempDir()
		for name, text := range map[string]string{"go.mod": "module shape.test\n", "a.go": "package p\n\nvar a = b\n"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := check(dir, "."); err == nil || !strings.Contains(err.Error(), "undefined: b") {
			t.Errorf("got %v, want an error about b", err)
		}
	})
}

func manyFiles(n int, text func(int) string) map[string]string {
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf("f%d.go", i)] = text(i)
	}
	return files
}
