//go:build snapshot

package snapshot

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	spdxjson "github.com/spdx/tools-golang/json"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"
)

// dist returns the path of the only file with this ending for the platform of the test.
func dist(t *testing.T, ending string) string {
	t.Helper()
	dir := os.Getenv("TKDEPLOY_DIST")
	if dir == "" {
		t.Fatal("TKDEPLOY_DIST is not set: use make test-snapshot")
	}
	found, err := filepath.Glob(filepath.Join(dir, "tkdeploy_*_"+runtime.GOOS+"_"+runtime.GOARCH+ending))
	if err != nil || len(found) != 1 {
		t.Fatalf("got %v (%v), want one file", found, err)
	}
	return found[0]
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// unpacked returns a directory with the content of the archive.
func unpacked(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if output, err := exec.CommandContext(t.Context(), "tar", "-xzf", dist(t, ".tar.gz"), "-C", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return dir
}

// run runs tkdeploy outside the repository, without a home directory.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.Env = t.TempDir(), []string{"PATH=" + os.Getenv("PATH")}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, stderr.String())
	}
	return string(output)
}

// version returns the version in the name of the archive.
func version(t *testing.T) string {
	t.Helper()
	name := strings.TrimPrefix(filepath.Base(dist(t, ".tar.gz")), "tkdeploy_")
	return "v" + strings.TrimSuffix(name, "_"+runtime.GOOS+"_"+runtime.GOARCH+".tar.gz")
}

func TestArchive(t *testing.T) {
	t.Parallel()
	dir := unpacked(t)
	tkdeploy := filepath.Join(dir, "tkdeploy")
	var info struct{ Version, Platform string }
	if err := json.Unmarshal([]byte(run(t, tkdeploy, "version", "--output", "json")), &info); err != nil {
		t.Fatal(err)
	}
	if got, want := info.Version+" "+info.Platform, version(t)+" "+runtime.GOOS+"/"+runtime.GOARCH; got != want {
		t.Errorf("got version %s, want %s", got, want)
	}
	for shell, file := range map[string]string{"bash": "tkdeploy.bash", "zsh": "_tkdeploy", "fish": "tkdeploy.fish"} {
		if got, want := read(t, filepath.Join(dir, "completions", file)), run(t, tkdeploy, "completion", shell); got != want {
			t.Errorf("completions/%s: got %q, want the output of tkdeploy completion: %q", file, got, want)
		}
	}
	for file, want := range map[string]string{
		"LICENSE": "Apache License", "README.md": "# tkdeploy", "CHANGELOG.md": "# Changelog",
		"THIRD-PARTY-NOTICES": "  helm.sh/helm/v3 v3", "man/tkdeploy.1": version(t)[:6], "man/tkdeploy-up.1": "EXAMPLES",
	} {
		if !strings.Contains(read(t, filepath.Join(dir, file)), want) {
			t.Errorf("%s: got no %q", file, want)
		}
	}
	if stat, err := os.Stat(tkdeploy); err == nil && stat.Size() > 120<<20 {
		t.Errorf("got a program of %d MiB, want at most 120", stat.Size()>>20)
	}
}

func TestManPages(t *testing.T) {
	t.Parallel()
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("groff not found")
	}
	pages, err := filepath.Glob(filepath.Join(unpacked(t), "man", "*.1"))
	if err != nil || len(pages) < 10 {
		t.Fatalf("got %v (%v), want a page for each command", pages, err)
	}
	for _, page := range pages {
		var stderr bytes.Buffer
		cmd := exec.CommandContext(t.Context(), groff, "-man", "-Tascii", "-ww", page)
		cmd.Stderr = &stderr
		if output, err := cmd.Output(); err != nil || stderr.Len() > 0 || !bytes.Contains(output, []byte("tkdeploy")) {
			t.Errorf("%s: %v\n%s", page, err, stderr.String())
		}
	}
}

func TestChecksums(t *testing.T) {
	t.Parallel()
	checksums := read(t, filepath.Join(filepath.Dir(dist(t, ".tar.gz")), "checksums.txt"))
	for _, path := range []string{dist(t, ".tar.gz"), dist(t, ".spdx.json")} {
		if want := fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(read(t, path))), filepath.Base(path)); !strings.Contains(checksums, want) {
			t.Errorf("got no %q in %s", want, checksums)
		}
	}
}

func TestSBOM(t *testing.T) {
	t.Parallel()
	var doc spdx.Document
	if err := spdxjson.ReadInto(strings.NewReader(read(t, dist(t, ".spdx.json"))), &doc); err != nil {
		t.Fatal(err)
	}
	program := read(t, filepath.Join(unpacked(t), "tkdeploy"))
	if got, want := doc.Packages[0].PackageChecksums[0].Value, fmt.Sprintf("%x", sha256.Sum256([]byte(program))); got != want {
		t.Errorf("got checksum %s, want that of the program: %s", got, want)
	}
	var names []string
	for _, p := range doc.Packages {
		names = append(names, p.PackageName)
	}
	for _, want := range []string{"std", "helm.sh/helm/v3", "sigs.k8s.io/kind", "github.com/docker/docker"} {
		if !slices.Contains(names, want) {
			t.Errorf("got no %s in %v", want, names)
		}
	}
}

// TestInstall installs the archive with install.sh.
func TestInstall(t *testing.T) {
	t.Parallel()
	files := http.FileServer(http.Dir(filepath.Dir(dist(t, ".tar.gz"))))
	mux := http.NewServeMux()
	mux.Handle("/latest/download/", http.StripPrefix("/latest/download/", files))
	mux.Handle("/download/"+version(t)+"/", http.StripPrefix("/download/"+version(t)+"/", files))
	server := httptest.NewServer(mux)
	defer server.Close()
	home := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "sh", "../../install.sh")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TKDEPLOY_RELEASES=" + server.URL}
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	if got := run(t, filepath.Join(home, ".local", "bin", "tkdeploy"), "version"); !strings.Contains(got, version(t)) {
		t.Errorf("got %q, want version %s", got, version(t))
	}
}

func TestFormula(t *testing.T) {
	t.Parallel()
	path := dist(t, ".tar.gz")
	formula := read(t, filepath.Join(filepath.Dir(path), "tkdeploy.rb"))
	for _, want := range []string{"/releases/download/" + version(t) + "/" + filepath.Base(path), fmt.Sprintf("sha256 \"%x\"", sha256.Sum256([]byte(read(t, path))))} {
		if !strings.Contains(formula, want) {
			t.Errorf("got no %q in %s", want, formula)
		}
	}
}
