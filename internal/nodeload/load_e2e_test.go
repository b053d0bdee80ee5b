//go:build e2e

package nodeload

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/image"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/images"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

// nodeVariable names the container of the kind node to test with.
const nodeVariable = "TKDEPLOY_TEST_NODE"

type dockerNode string

func (n dockerNode) Name() string { return string(n) }

func (n dockerNode) Run(ctx context.Context, stdin io.Reader, stdout io.Writer, command ...string) error {
	args := []string{"exec"}
	if stdin != nil {
		args = append(args, "-i")
	}
	cmd := exec.CommandContext(ctx, "docker", append(append(args, string(n)), command...)...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, stderr.String())
	}
	return nil
}

func testNode(t *testing.T) dockerNode {
	t.Helper()
	name := os.Getenv(nodeVariable)
	if name == "" {
		t.Skip("set " + nodeVariable + " to the container of a kind node")
	}
	return dockerNode(name)
}

func (n dockerNode) sh(t *testing.T, script string) string {
	t.Helper()
	var out bytes.Buffer
	if err := n.Run(context.Background(), nil, &out, "sh", "-c", script); err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return strings.TrimSpace(out.String())
}

func layeredBuild(t *testing.T, megabytes int) inputs.Build {
	t.Helper()
	dir := t.TempDir()
	enginetest.WriteFiles(t, dir, map[string]string{
		"Dockerfile": "FROM scratch\nCOPY base /base\nCOPY probe /probe\nCOPY version /version\nENTRYPOINT [\"/probe\"]\n",
		"version":    "1",
	})
	enginetest.NoError(t, os.Rename(enginetest.StaticBinary(t), filepath.Join(dir, "probe")))
	noise := make([]byte, megabytes<<20)
	seed := [32]byte{byte(time.Now().UnixNano())}
	_, _ = rand.NewChaCha8(seed).Read(noise)
	enginetest.NoError(t, os.WriteFile(filepath.Join(dir, "base"), noise, 0o644))
	return inputs.Build{Name: "layered", Repository: "tkdeploy-test/layered", Context: dir}
}

func load(t *testing.T, l *Loader, n dockerNode, images []engine.Image) (sent int64, took time.Duration, log *enginetest.EventLog) {
	t.Helper()
	log = &enginetest.EventLog{}
	start := time.Now()
	enginetest.NoError(t, inventoryAndLoad(t.Context(), l, []Node{n}, images, log))
	took = time.Since(start)
	for _, ev := range log.Events {
		if ev.Kind == event.ItemProgress {
			sent = max(sent, ev.Total)
		}
	}
	missing, err := missingIn(t.Context(), []Node{n}, images)
	if err != nil || len(missing) > 0 {
		t.Fatalf("after the load: got missing %v, %v, want none", missing, err)
	}
	return sent, took, log
}

func TestLoader_LoadE2E(t *testing.T) {
	n := testNode(t)
	e, err := engine.Connect(t.Context(), engine.Options{})
	enginetest.NoError(t, err)
	t.Cleanup(func() { _ = e.Close() })
	l, builder := NewLoader(e, Options{TempDir: t.TempDir()}), images.NewBuilder(e, images.Options{})
	b := layeredBuild(t, 200)
	prepare := func() []engine.Image {
		images, err := builder.Ensure(t.Context(), images.Set{Builds: []inputs.Build{b}}, nil)
		enginetest.NoError(t, err)
		t.Cleanup(func() { _, _ = e.API().ImageRemove(context.Background(), images[0].Ref, image.RemoveOptions{}) })
		t.Cleanup(func() { n.sh(t, "ctr -n k8s.io images rm "+images[0].Ref+" || true") })
		return images
	}

	first := prepare()
	if missing, err := missingIn(t.Context(), []Node{n}, first); err != nil || len(missing) != 1 {
		t.Fatalf("before the load: got missing %v, %v, want one", missing, err)
	}
	full, fullTime, log := load(t, l, n, first)
	t.Logf("first load: %d MB in %s; %s; %s", full>>20, fullTime, log.Outcomes(), log.Messages(event.ItemFinished))

	_, again, log := load(t, l, n, first)
	if log.Outcomes() != "layered=unchanged+0" {
		t.Errorf("second load: got %s, want no change", log.Outcomes())
	}
	t.Logf("second load: %s", again)
	if have, err := takeInventory(t.Context(), n, first, nil); err != nil || len(have.blobs) > 0 {
		t.Errorf("inventory of a node with all images: got %d blobs, %v, want none", len(have.blobs), err)
	}

	enginetest.WriteFiles(t, b.Context, map[string]string{"version": "2"})
	second := prepare()
	part, partTime, log := load(t, l, n, second)
	if part > 1<<20 || log.Outcomes() != "layered=done+1" || log.Messages(event.Warning) != "" {
		t.Errorf("changed layer: got %d bytes, %s, %s, want less than 1 MB without a warning", part, log.Outcomes(), log.Messages(event.Warning))
	}
	t.Logf("changed layer: %d bytes in %s", part, partTime)
	runPod(t, n, second[0].Ref)

	n.sh(t, "ctr -n k8s.io images tag --force "+first[0].Ref+" "+second[0].Ref)
	if missing, err := missingIn(t.Context(), []Node{n}, second); err != nil || len(missing) != 1 {
		t.Errorf("another image under the name: got missing %v, %v, want one", missing, err)
	}
	repaired, _, _ := load(t, l, n, second)
	if repaired > 1<<20 {
		t.Errorf("repair: got %d bytes, want at most 1 MB", repaired)
	}
	n.sh(t, "ctr -n k8s.io images rm "+first[0].Ref+" "+second[0].Ref)
	_, _, _ = load(t, l, n, second)
	runPod(t, n, second[0].Ref)
}

// TestLoader_LoadDigestE2E pulls from a registry that the node cannot reach.
func TestLoader_LoadDigestE2E(t *testing.T) {
	n := testNode(t)
	e, err := engine.Connect(t.Context(), engine.Options{})
	enginetest.NoError(t, err)
	t.Cleanup(func() { _ = e.Close() })
	repository, digest := enginetest.Registry(t, enginetest.StaticBinary(t))
	pinned := repository + "@" + digest
	t.Cleanup(func() { n.sh(t, "ctr -n k8s.io images rm "+repository+":1 "+pinned+" || true") })
	for _, test := range []struct{ ref, inChart string }{
		{repository + ":1@" + digest, repository + ":1@" + digest},
		{pinned, pinned},
		{repository + ":1", repository + ":1@" + digest}, // the chart pins what tkdeploy.yaml does not
	} {
		n.sh(t, "ctr -n k8s.io images rm "+pinned+" || true")
		found, err := images.NewBuilder(e, images.Options{}).Ensure(t.Context(), images.Set{Sources: []images.Source{{Name: "pinned", Ref: test.ref}}}, nil)
		enginetest.NoError(t, err)
		t.Cleanup(func() {
			_, _ = e.API().ImageRemove(context.Background(), found[0].ID, image.RemoveOptions{Force: true})
		})
		_, _, log := load(t, NewLoader(e, Options{TempDir: t.TempDir()}), n, found)
		if log.Outcomes() != "pinned=done+1" || log.Messages(event.Warning) != "" {
			t.Errorf("%s: got %s, %s, want one image without a warning", test.ref, log.Outcomes(), log.Messages(event.Warning))
		}
		runPod(t, n, test.inChart)
		_, _, log = load(t, NewLoader(e, Options{TempDir: t.TempDir()}), n, found)
		if log.Outcomes() != "pinned=unchanged+0" {
			t.Errorf("%s: second load: got %s, want no change", test.ref, log.Outcomes())
		}
	}
}

func runPod(t *testing.T, n dockerNode, ref string) {
	t.Helper()
	const kubectl = "kubectl --kubeconfig /etc/kubernetes/admin.conf "
	name := fmt.Sprintf("images-test-%d", time.Now().UnixNano())
	t.Cleanup(func() { n.sh(t, kubectl+"delete pod --wait=false --ignore-not-found "+name) })
	n.sh(t, kubectl+"run "+name+" --restart=Never --image-pull-policy=Never --image="+ref)
	if out := n.sh(t, kubectl+"wait --timeout=60s --for=jsonpath={.status.phase}=Succeeded pod/"+name+" && "+kubectl+"logs "+name); !strings.HasSuffix(out, "ok") {
		t.Errorf("got pod output %q, want ok", out)
	}
}
