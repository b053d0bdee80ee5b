//go:build e2e

package e2e

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func (p *project) testFailedBuilds(t *testing.T) {
	p.replaceInFile(t, "tkdeploy.yaml", "bases:", "  other:\n    repository: shop-other\n    build: {context: web, dockerfile: web/other.Dockerfile}\nbases:")
	writeFile(t, filepath.Join(p.dir, "web", "other.Dockerfile"), "ARG GO_IMAGE\nFROM ${GO_IMAGE}\nRUN echo the other one gave up; exit 7\n")
	p.replaceInFile(t, "web/main.go", "func main() {", "func main() { undefinedThing()")
	before := imageIDs(t, "shop-web")
	p.run(t, "up").wantExit(t, 10).wantStderr(t, "undefined: undefinedThing", "the other one gave up", "- Release   blocked: needs build")
	if after := imageIDs(t, "shop-web"); !slices.Equal(after, before) {
		t.Errorf("got images %s after a failed build, want %s", after, before)
	}
	if err := os.Remove(filepath.Join(p.dir, "web", "other.Dockerfile")); err != nil {
		t.Fatal(err)
	}
}

// testFullDisk lets a build fill /dev/shm, a small file system in memory.
func (p *project) testFullDisk(t *testing.T) {
	before := newest(p.history(t)).Revision
	p.replaceInFile(t, "web/Dockerfile", "COPY ", "RUN cat /dev/zero >/dev/shm/full\nCOPY ")
	p.run(t, "up").wantExit(t, 10).wantStderr(t, "No space left on device", "is full")
	p.wantRevision(t, before)
}

func (p *project) testOtherArchitecture(t *testing.T) {
	const ref = "docker.io/tkdeploy/e2e-foreign:1"
	arch := "arm64"
	if strings.TrimSpace(docker(t, "version", "--format", "{{.Server.Arch}}")) == arch {
		arch = "amd64"
	}
	layer := tarArchive(t, map[string][]byte{"hello": []byte("hello")})
	sum := sha256.Sum256(layer)
	config, err := json.Marshal(map[string]any{
		"architecture": arch, "os": "linux", "config": map[string]any{},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + hex.EncodeToString(sum[:])}},
	})
	if err != nil {
		t.Fatal(err)
	}
	load := exec.CommandContext(t.Context(), "docker", "load")
	load.Stdin = bytes.NewReader(tarArchive(t, map[string][]byte{
		"layer.tar": layer, "config.json": config,
		"manifest.json": []byte(`[{"Config":"config.json","RepoTags":["` + ref + `"],"Layers":["layer.tar"]}]`),
	}))
	if out, err := load.CombinedOutput(); err != nil {
		t.Fatalf("docker load: %v: %s", err, out)
	}
	defer docker(t, "rmi", ref)
	before := newest(p.history(t)).Revision
	p.replaceInFile(t, "tkdeploy.yaml", "bases:", "  foreign: {ref: "+ref+"}\nbases:")
	p.run(t, "up").wantExit(t, 12).wantStderr(t, ref, "linux/"+arch)
	p.wantRevision(t, before)
}

func tarArchive(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for name, data := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// testSaveDuringRun saves a source file between build and load. The run must
// deploy what it has built.
func (p *project) testSaveDuringRun(t *testing.T) {
	p.changeSource(t)
	p.runWithStageHook(t, "load", func(*os.Process) { p.changeSource(t) }, "up").wantExit(t, 0)
	p.wantServing(t)
	if got := changedItems(p.run(t, "up", "--output", "json").wantExit(t, 0).events(t), "build"); len(got) != 1 {
		t.Errorf("next run: got builds %q, want one image", got)
	}
}
