package formula

import (
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/golden"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func checksums(version string, platforms ...string) string {
	b := fmt.Sprintf("%064x  tkdeploy_%s_linux_amd64.deb\n", 9, version)
	for i, platform := range platforms {
		b += fmt.Sprintf("%064x  tkdeploy_%s_%s.tar.gz\n", i, version, platform)
	}
	return b
}

func TestRender(t *testing.T) {
	t.Parallel()
	for name, platforms := range map[string][]string{
		"all": {"darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64"}, "one": {"linux_amd64"},
	} {
		got, err := Render("https://example.test/releases", checksums("0.1.0-rc.1", platforms...))
		if err != nil {
			t.Fatal(err)
		}
		golden.Compare(t, filepath.Join("testdata", name+".rb"), got, *update)
	}
}

func TestRender_errors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		checksums("0.1.0"): "no archive in the checksums",
		checksums("0.1.0", "linux_amd64") + checksums("0.2.0", "linux_amd64"): "checksums of two versions: 0.1.0 and 0.2.0",
	} {
		if _, err := Render("", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
