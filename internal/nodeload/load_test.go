package nodeload

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	digest "github.com/opencontainers/go-digest"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

func layer(text string) []byte { return []byte("layer " + text) }

var (
	authV1 = fakeImage{"acme/auth:1", [][]byte{layer("base"), layer("libs"), layer("auth 1")}}
	authV2 = fakeImage{"acme/auth:2", [][]byte{layer("base"), layer("libs"), layer("auth 2")}}
	video  = fakeImage{"acme/video:1", [][]byte{layer("base"), layer("libs"), layer("video")}}
)

func imagesOfAll(images ...fakeImage) []engine.Image {
	var out []engine.Image
	for _, i := range images {
		out = append(out, i.image())
	}
	return out
}

// lookAndLoad is what the load of a run does.
func (l *Loader) lookAndLoad(ctx context.Context, nodes []Node, images []engine.Image, reporter event.Reporter) error {
	stock, err := TakeInventory(ctx, nodes, images)
	if err != nil {
		return err
	}
	return l.Load(ctx, stock, reporter)
}

func missingIn(ctx context.Context, nodes []Node, images []engine.Image) ([]Missing, error) {
	stock, err := TakeInventory(ctx, nodes, images)
	return stock.Missing(), err
}

func TestLoad(t *testing.T) {
	t.Parallel()
	for name, format := range formats {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := enginetest.New(t)
			serve(t, f, format, authV1, authV2, video)
			l := fakeLoader(t, f)
			one, two := newFakeNode("one"), newFakeNode("two")
			two.noLocal = true
			nodes := []Node{one, two}

			var log enginetest.EventLog
			enginetest.NoError(t, l.lookAndLoad(t.Context(), nodes, imagesOfAll(authV1, video), &log))
			if log.Outcomes() != "acme/auth:1=done+2 acme/video:1=done+2" || f.Saves != 1 {
				t.Errorf("%s with %d saves", log.Outcomes(), f.Saves)
			}
			if got := log.Reasons(); got != "acme/auth:1: not in one, two; acme/video:1: not in one, two" {
				t.Errorf("causes %s", got)
			}
			log = enginetest.EventLog{}
			enginetest.NoError(t, l.lookAndLoad(t.Context(), nodes, imagesOfAll(authV1, video), &log))
			if log.Outcomes() != "acme/auth:1=unchanged+0 acme/video:1=unchanged+0" || f.Saves != 1 {
				t.Errorf("again: %s with %d saves", log.Outcomes(), f.Saves)
			}
			one.blobs, one.imports = map[string][]byte{}, nil // as after a pull with discard_unpacked_layers
			two.imports = nil
			log = enginetest.EventLog{}
			enginetest.NoError(t, l.lookAndLoad(t.Context(), nodes, imagesOfAll(authV2, video), &log))
			if log.Outcomes() != "acme/auth:2=done+2 acme/video:1=unchanged+0" || log.Messages(event.Warning) != "" {
				t.Errorf("one layer changed: %s %s", log.Outcomes(), log.Messages(event.Warning))
			}
			for _, n := range []*fakeNode{one, two} {
				if len(n.imports) != 1 || strings.Count(n.imports[0], "sha256:") != 1 {
					t.Errorf("node %s got %q, want one layer", n.name, n.imports)
				}
			}
			missing, err := missingIn(t.Context(), nodes, imagesOfAll(authV1, authV2, video))
			if err != nil || len(missing) > 0 {
				t.Errorf("missing %v, %v", missing, err)
			}
		})
	}
}

func TestLoadSendsALayerThatImagesShareOnce(t *testing.T) {
	t.Parallel()
	f := enginetest.New(t)
	serve(t, f, legacyArchive, authV1, video)
	n := newFakeNode("n") // its reader fails on a file that comes twice
	enginetest.NoError(t, fakeLoader(t, f).lookAndLoad(t.Context(), []Node{n}, imagesOfAll(authV1, video), nil))
}

func TestLoadKnowsContentsNotNames(t *testing.T) {
	t.Parallel()
	f := enginetest.New(t)
	serve(t, f, legacyArchive, authV1, authV2)
	l := fakeLoader(t, f)
	n := newFakeNode("n")
	enginetest.NoError(t, l.lookAndLoad(t.Context(), []Node{n}, imagesOfAll(authV1, authV2), nil))
	one, two := authV1.image(), authV2.image()

	rebuilt := one
	rebuilt.ID = two.ID
	if missing, err := missingIn(t.Context(), []Node{n}, []engine.Image{rebuilt}); err != nil || len(missing) != 1 {
		t.Errorf("an older image of the name counts as there: %v, %v", missing, err)
	}
	// Somebody imports another image under the name; containerd keeps labels.
	n.records[one.Ref] = record{target: n.records[two.Ref].target, labels: n.records[one.Ref].labels}
	missing, err := missingIn(t.Context(), []Node{n}, []engine.Image{one})
	if err != nil || len(missing) != 1 || missing[0].String() != one.Ref+" on node n" {
		t.Errorf("another image under the name counts as there: %v, %v", missing, err)
	}
}

func TestLoadFallsBackToWholeImages(t *testing.T) {
	t.Parallel()
	f := enginetest.New(t)
	serve(t, f, legacyArchive, authV1, authV2)
	l := fakeLoader(t, f)
	n := newFakeNode("n")
	enginetest.NoError(t, l.lookAndLoad(t.Context(), []Node{n}, imagesOfAll(authV1), nil))
	n.wholeOnly = true
	var log enginetest.EventLog
	enginetest.NoError(t, l.lookAndLoad(t.Context(), []Node{n}, imagesOfAll(authV2), &log))
	if log.Outcomes() != "acme/auth:2=done+1" || !strings.Contains(log.Messages(event.Warning), "whole images: load images into node n: ctr: only whole") {
		t.Errorf("%s; %s", log.Outcomes(), log.Messages(event.Warning))
	}
}

func TestLoadFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*enginetest.Fake, *fakeNode, *engine.Image)
		want   string
		saves  int
	}{
		{"an image for another architecture is refused before anything is saved",
			func(_ *enginetest.Fake, n *fakeNode, _ *engine.Image) { n.machine = "aarch64" },
			"image docker.io/acme/auth:1 is for linux/amd64, but node n is arm64", 0},
		{"a node that has nothing after the import is not believed",
			func(_ *enginetest.Fake, n *fakeNode, _ *engine.Image) {
				n.forget = true
				n.records = map[string]record{}
			},
			"node n imported image docker.io/acme/auth:1, but does not have it", 1},
		{"a tag that moved meanwhile is noticed",
			func(_ *enginetest.Fake, _ *fakeNode, i *engine.Image) { i.ID = digest.FromString("other").String() },
			"its archive lacks the image sha256:", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := enginetest.New(t)
			serve(t, f, legacyArchive, authV1)
			n, i := newFakeNode("n"), authV1.image()
			test.change(f, n, &i)
			var log enginetest.EventLog
			err := fakeLoader(t, f).lookAndLoad(t.Context(), []Node{n}, []engine.Image{i}, &log)
			if err == nil || !strings.Contains(err.Error(), test.want) || fault.ClassOf(err) != fault.Load || f.Saves != test.saves {
				t.Errorf("%d saves, class %q: %v", f.Saves, fault.ClassOf(err), err)
			}
		})
	}
}

// TestLoadTakesEveryState loads random images into nodes in random states.
// The fake node refuses an archive with a reference to nothing, and a warning
// tells that parts were not enough.
func TestLoadTakesEveryState(t *testing.T) {
	t.Parallel()
	for name, format := range formats {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(40) {
				random := rand.New(rand.NewPCG(seed, 1))
				images := randomImages(random)
				f := enginetest.New(t)
				serve(t, f, format, images...)
				nodes := []Node{randomNode(random, "a", images), randomNode(random, "b", images)}
				var log enginetest.EventLog
				if err := fakeLoader(t, f).lookAndLoad(t.Context(), nodes, imagesOfAll(images...), &log); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if warning := log.Messages(event.Warning); warning != "" {
					t.Errorf("seed %d: %s", seed, warning)
				}
			}
		})
	}
}

func randomImages(random *rand.Rand) []fakeImage {
	var images []fakeImage
	for n := range 1 + random.IntN(4) {
		i := fakeImage{ref: fmt.Sprintf("acme/%d:1", n)}
		for range 1 + random.IntN(4) {
			i.layers = append(i.layers, layer(fmt.Sprint(random.IntN(3))))
		}
		images = append(images, i)
	}
	return images
}

func randomNode(random *rand.Rand, name string, images []fakeImage) *fakeNode {
	n := newFakeNode(name)
	for _, i := range images {
		chain := ""
		for _, diffID := range i.image().DiffIDs[:random.IntN(len(i.layers)+1)] {
			chain = chainID(chain, diffID)
			n.chains[chain] = true
		}
		for _, text := range i.layers {
			if random.IntN(3) == 0 {
				n.blobs[digest.FromBytes(text).String()] = text
			}
		}
	}
	return n
}

func TestLayersThatNoNodeNeedsAreNotKept(t *testing.T) {
	t.Parallel()
	big := make([]byte, smallFile+1)
	image := fakeImage{"acme/big:1", [][]byte{big, layer("top")}}
	have := nodeInventory{chains: map[string]bool{image.image().DiffIDs[0]: true}}
	transfers := []*transfer{{node: newFakeNode("n"), have: have, images: []engine.Image{image.image()}}}
	for _, name := range []string{"Docker 20.10", "Docker 25 with the classic store"} {
		f := enginetest.New(t)
		serve(t, f, formats[name], image)
		s, err := fakeLoader(t, f).save(t.Context(), transfers)
		enginetest.NoError(t, err)
		for n, layer := range s.images[image.image().Ref].layers {
			if kept := layer.write != nil; kept != (n == 1) {
				t.Errorf("%s: layer %d is kept: %t", name, n, kept)
			}
		}
		s.close()
		if _, err := os.Stat(s.dir); err == nil {
			t.Errorf("%s: temporary files are left", name)
		}
	}
}

// TestLegacyIDs has names that Docker 20.10.24 gave.
func TestLegacyIDs(t *testing.T) {
	t.Parallel()
	if got := legacyIDs(legacyExample.diffIDs, time.UTC); !slices.Equal(got, legacyExample.folders) {
		t.Errorf("got %v, want %v", got, legacyExample.folders)
	}
}

// legacyExample is an image of three layers as that engine saved it.
var legacyExample = struct{ diffIDs, folders []string }{
	diffIDs: []string{
		"sha256:e1745ea8b5ed133fbebabc864a5cceb5191a5f5c02fd86a3c82da94bb9945ea2",
		"sha256:9821526e8ab8f617539403b7c1b42ff5e42a42662fab06270b296f9876ca0d0d",
		"sha256:a65b615f4fa35750d6a030033e99dd0e3c432f43d29a72db697b58c1413c4d13",
	},
	folders: []string{ // without the topmost layer's
		"aaf6f3be539c34dc68015f6914fc22fcb433ef7d9a3178831ade81f82427449e",
		"cf9731833ac836af901703b7ca49748f0729d0edecaf2279f8ac83f69f9e312a",
	},
}

func TestNamelessIsWhatSomeNodeHasNoImageFor(t *testing.T) {
	t.Parallel()
	f := enginetest.New(t)
	serve(t, f, legacyArchive, authV1)
	l := fakeLoader(t, f)
	one, two := newFakeNode("one"), newFakeNode("two")
	enginetest.NoError(t, l.lookAndLoad(t.Context(), []Node{one}, imagesOfAll(authV1), nil))
	for nodes, want := range map[*[]Node]string{{one}: "[acme/auth:9]", {one, two}: "[acme/auth:1 acme/auth:9]"} {
		stock, err := TakeInventory(t.Context(), *nodes, nil, "acme/auth:1", "acme/auth:9")
		if got := stock.Unresolved(); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%d nodes: got %v, %v, want %s", len(*nodes), got, err, want)
		}
	}
}
