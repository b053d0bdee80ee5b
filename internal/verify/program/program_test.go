package program

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

func compressed(t *testing.T, text string) *fstest.MapFile {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	enginetest.NoError(t, errors.Join(err, w.Close()))
	return &fstest.MapFile{Data: b.Bytes()}
}

func TestSource_find(t *testing.T) {
	t.Parallel()
	static := enginetest.StaticBinary(t)
	script := filepath.Join(t.TempDir(), "script")
	enginetest.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\nexec tkdeploy-1.0 \"$@\"\n"), 0o755))
	both := fstest.MapFS{"linux-amd64.gz": compressed(t, "for amd64"), "linux-arm64.gz": compressed(t, "for arm64")}
	content, err := os.ReadFile(static)
	enginetest.NoError(t, err)

	for name, test := range map[string]struct {
		embedded   fstest.MapFS
		executable string
		own        string // platform of the executable
		platform   string
		want       string
		wantErr    string
	}{
		"takes the embedded program of the platform":     {both, static, "linux/amd64", "linux/arm64", "for arm64", ""},
		"needs no executable on a Mac":                   {both, "", "darwin/arm64", "linux/amd64", "for amd64", ""},
		"takes tkdeploy itself without an embedded one":  {nil, static, "linux/amd64", "linux/amd64", string(content), ""},
		"fails without a program for an emulated engine": {nil, static, "linux/amd64", "linux/arm64", "", "build of tkdeploy for linux/amd64 has no smoke test program for nodes of platform linux/arm64"},
		"fails without an embedded program on a Mac":     {nil, static, "darwin/arm64", "linux/arm64", "", "build of tkdeploy for darwin/arm64 has no smoke test program"},
		"fails for a platform without program":           {both, static, "linux/amd64", "windows/amd64", "", "nodes of platform windows/amd64"},
		"fails if tkdeploy is no ELF file":               {nil, script, "linux/amd64", "linux/amd64", "", "cannot replace it: bad magic number"},
		"fails if tkdeploy is dynamically linked":        {nil, "/bin/sh", "linux/amd64", "linux/amd64", "", "dynamically linked; CGO_ENABLED=0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := source{test.embedded, func() (string, error) { return test.executable, nil }, test.own}
			got, err := s.find(test.platform)
			if test.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), test.wantErr) || fault.ClassOf(err) != fault.Environment || fault.HintOf(err) == "" {
					t.Errorf("got %v, want an error of the environment with a hint and %q", err, test.wantErr)
				}
				return
			}
			enginetest.NoError(t, err)
			text, err := got.Read()
			if err != nil || string(text) != test.want {
				t.Errorf("got %d bytes, %v, want %d bytes", len(text), err, len(test.want))
			}
			if len(got.Digest) != 64 {
				t.Errorf("got digest %q", got.Digest)
			}
		})
	}
}
