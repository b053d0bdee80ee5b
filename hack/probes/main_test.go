package main

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"io"
	"os"
	"path/filepath"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/verify/program"
)

func TestRun(t *testing.T) {
	t.Setenv("GOFLAGS", "-tags=other") // settings of the caller
	t.Setenv("GOAMD64", "v3")
	t.Setenv("CGO_ENABLED", "1")
	platforms := map[string]elf.Machine{"linux/amd64": elf.EM_X86_64, "linux/arm64": elf.EM_AARCH64}
	for _, platform := range program.Platforms {
		t.Run(platform, func(t *testing.T) {
			var builds [2][]byte
			for i := range builds {
				dir := t.TempDir()
				enginetest.NoError(t, run(t.Context(), []string{dir, platform}))
				text, err := os.ReadFile(filepath.Join(dir, program.FileName(platform)))
				enginetest.NoError(t, err)
				builds[i] = text
				t.Setenv("GOAMD64", "v1")
			}
			if !bytes.Equal(builds[0], builds[1]) {
				t.Error("got different bytes from two builds")
			}
			reader, err := gzip.NewReader(bytes.NewReader(builds[0]))
			enginetest.NoError(t, err)
			content, err := io.ReadAll(reader)
			enginetest.NoError(t, err)
			executable, err := elf.NewFile(bytes.NewReader(content))
			enginetest.NoError(t, err)
			if executable.Machine != platforms[platform] {
				t.Errorf("got machine %s, want %s", executable.Machine, platforms[platform])
			}
			for _, segment := range executable.Progs {
				if segment.Type == elf.PT_INTERP {
					t.Error("got a dynamically linked program")
				}
			}
		})
	}
}
