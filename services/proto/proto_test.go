package proto

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestProtogen(t *testing.T) {
	t.Parallel()
	t.Run("generated code is up to date", func(t *testing.T) {
		t.Parallel()
		source, err := filepath.Abs(".")
		if err != nil {
			t.Fatal(err)
		}
		out := t.TempDir()
		cmd := exec.CommandContext(t.Context(), "go", "-C", "../tools", "run", "./protogen", source, out)
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", cmd, err, output)
		}
		committed, generated := files(t, ".", ".pb.go"), files(t, out, ".pb.go")
		for name, want := range generated {
			if !bytes.Equal(committed[name], want) {
				t.Errorf("%s is out of date: run go generate ./proto", name)
			}
		}
		for name := range committed {
			if generated[name] == nil {
				t.Errorf("%s has no .proto file: delete it", name)
			}
		}
		// Reading the sources makes them inputs of the cached test result.
		if len(files(t, ".", ".proto")) == 0 {
			t.Error("no .proto files found")
		}
	})
}

func files(t *testing.T, root, suffix string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, suffix) {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		found[name], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
