//go:build e2e

package e2e

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker/go-units"
)

// TestEngine29 runs the pipeline on an engine with the containerd image store, which
// hack/engine29.sh starts.
func TestEngine29(t *testing.T) {
	if reason := os.Getenv("TKDEPLOY_ENGINE29_MISSING"); reason != "" {
		t.Skip("SKIPPED: " + reason)
	}
	if !strings.Contains(os.Getenv("DOCKER_HOST"), "engine29") {
		t.Skip("SKIPPED: make test-engine29 runs it")
	}
	if store := docker(t, "info", "--format", "{{.DriverStatus}}"); !strings.Contains(store, "io.containerd.snapshotter") {
		t.Fatalf("got driver status %s, want the containerd image store", store)
	}
	p := newShop(t, "shop-engine29", "24080")
	p.addLargeBase(t, 64<<20)

	p.run(t, "up").wantExit(t, 0)
	p.wantServing(t)
	again := p.run(t, "up", "--output", "json").wantExit(t, 0)
	if last := again.finished(t); last.Changes != 0 {
		t.Errorf("unchanged: got %d changes, want 0", last.Changes)
	}
	if sent := again.sentBytes(t); sent != 0 {
		t.Errorf("unchanged: got %d bytes sent, want 0", sent)
	}
	one := p.wantServing(t)

	writeFile(t, filepath.Join(p.dir, "web", "version"), strings.Repeat("2", 256))
	changed := p.run(t, "up", "--output", "json").wantExit(t, 0)
	if sent := changed.sentBytes(t); sent == 0 || sent > 1<<20 {
		t.Errorf("changed file: got %d bytes sent, want at most 1 MB", sent)
	}
	t.Logf("load of the changed file: %d ms", changed.stageTime(t, "load"))
	two := p.wantServing(t)
	if slices.Equal(one.Images, two.Images) {
		t.Errorf("changed file: got images %v, want different ones", two.Images)
	}

	p.run(t, "rollback").wantExit(t, 0)
	if back := p.wantServing(t); !slices.Equal(back.Images, one.Images) {
		t.Errorf("rollback: got images %v, want %v", back.Images, one.Images)
	}
	if left := docker(t, "images", "--quiet", "127.0.0.1:*/tkdeploy"); left != "" {
		t.Errorf("got images %s of pushes, want none", left)
	}
	p.run(t, "down").wantExit(t, 0)
	if found := docker(t, "ps", "--all", "--quiet"); found != "" {
		t.Errorf("down: got containers %s, want none", found)
	}
}

// addLargeBase adds a layer of random bytes to the image web, and a small one above it.
func (p *project) addLargeBase(t *testing.T, size int) {
	t.Helper()
	noise := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	writeFile(t, filepath.Join(p.dir, "web", "base"), string(noise))
	writeFile(t, filepath.Join(p.dir, "web", "version"), strings.Repeat("1", 256))
	p.replaceInFile(t, "web/Dockerfile", "FROM scratch\n", "FROM scratch\nCOPY base /base\n")
	p.replaceInFile(t, "web/Dockerfile", "USER 65532", "COPY version /version\nUSER 65532")
	p.replaceInFile(t, "web/Dockerfile", "COPY . .", "COPY *.go go.mod ./")
}

// sentBytes returns how many bytes the load stage sent to nodes.
func (r result) sentBytes(t *testing.T) (sent int64) {
	t.Helper()
	for _, e := range r.events(t) {
		size, found := strings.CutPrefix(e.Message, "sent ")
		if e.Stage != "load" || e.Kind != "item.finished" || !found {
			continue
		}
		size, _, _ = strings.Cut(size, " ")
		n, err := units.RAMInBytes(size)
		if err != nil {
			t.Fatal(err)
		}
		sent += n
	}
	return sent
}

// stageTime returns how long a stage took in milliseconds.
func (r result) stageTime(t *testing.T, stage string) int64 {
	t.Helper()
	for _, e := range r.events(t) {
		if e.Kind == "stage.finished" && e.Stage == stage {
			return e.ElapsedMS
		}
	}
	return 0
}
