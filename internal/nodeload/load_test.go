package nodeload

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

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

func engineImages(images ...fakeImage) []engine.Image {
	var out []engine.Image
	for _, i := range images {
		out = append(out, i.image())
	}
	return out
}

func inventoryAndLoad(ctx context.Context, l *Loader, nodes []Node, images []engine.Image, reporter event.Reporter) error {
	inventory, err := TakeInventory(ctx, nodes, images)
	if err != nil {
		return err
	}
	return l.Load(ctx, inventory, reporter)
}

func missingIn(ctx context.Context, nodes []Node, images []engine.Image) ([]Missing, error) {
	inventory, err := TakeInventory(ctx, nodes, images)
	return inventory.Missing(), err
}

func TestLoader_Load(t *testing.T) {
	t.Parallel()
	t.Run("sends only missing layers", func(t *testing.T) {
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
				enginetest.NoError(t, inventoryAndLoad(t.Context(), l, nodes, engineImages(authV1, video), &log))
				if log.Outcomes() != "acme/auth:1=done+2 acme/video:1=done+2" || f.Saves != 1 {
					t.Errorf("first load: got %s with %d exports, want both images with one export", log.Outcomes(), f.Saves)
				}
				if got := log.Reasons(); got != "acme/auth:1: not in one, two; acme/video:1: not in one, two" {
					t.Errorf("first load: got reasons %q", got)
				}
				log = enginetest.EventLog{}
				enginetest.NoError(t, inventoryAndLoad(t.Context(), l, nodes, engineImages(authV1, video), &log))
				if log.Outcomes() != "acme/auth:1=unchanged+0 acme/video:1=unchanged+0" || f.Saves != 1 {
					t.Errorf("second load: got %s with %d exports, want no change", log.Outcomes(), f.Saves)
				}
				one.blobs, one.imports = map[string][]byte{}, nil // as after a pull with discard_unpacked_layers
				two.imports = nil
				log = enginetest.EventLog{}
				enginetest.NoError(t, inventoryAndLoad(t.Context(), l, nodes, engineImages(authV2, video), &log))
				if log.Outcomes() != "acme/auth:2=done+2 acme/video:1=unchanged+0" || log.Messages(event.Warning) != "" {
					t.Errorf("changed layer: got %s, %s, want one image without a warning", log.Outcomes(), log.Messages(event.Warning))
				}
				for _, n := range []*fakeNode{one, two} {
					if len(n.imports) != 1 || strings.Count(n.imports[0], "sha256:") != 1 {
						t.Errorf("node %s got %q, want one layer", n.name, n.imports)
					}
				}
				missing, err := missingIn(t.Context(), nodes, engineImages(authV1, authV2, video))
				if err != nil || len(missing) > 0 {
					t.Errorf("got missing %v, %v, want none", missing, err)
				}
			})
		}
	})

	t.Run("names an image with a digest as the kubelet does", func(t *testing.T) {
		t.Parallel()
		hex := digest.FromString("manifest in the registry").Encoded()
		for name, format := range formats {
			for _, ref := range []string{"acme/pinned:1@sha256:" + hex, "acme/pinned@sha256:" + hex} {
				t.Run(name+" "+ref, func(t *testing.T) {
					t.Parallel()
					f := enginetest.New(t)
					pinned := fakeImage{ref, [][]byte{layer("base")}}
					serve(t, f, format, pinned)
					n := newFakeNode("n")
					enginetest.NoError(t, inventoryAndLoad(t.Context(), fakeLoader(t, f), []Node{n}, engineImages(pinned), nil))
					if r := n.records["docker.io/acme/pinned@sha256:"+hex]; r.target == "" || len(n.records) != 1 {
						t.Errorf("got records %v, want one with the digest and no tag", n.records)
					}
					inventory, err := TakeInventory(t.Context(), []Node{n}, nil, ref)
					if got := inventory.Unresolved(); err != nil || len(got) > 0 {
						t.Errorf("got unresolved %q, %v, want none", got, err)
					}
				})
			}
		}
	})

	t.Run("adds the names with digests of the registry", func(t *testing.T) {
		t.Parallel()
		alias := "docker.io/acme/auth@" + digest.FromString("manifest").String()
		for name, format := range formats {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				f := enginetest.New(t)
				again := authV1
				again.ref = alias
				serve(t, f, format, authV1, again)
				l, n := fakeLoader(t, f), newFakeNode("n")
				images := engineImages(authV1)
				images[0].Aliases = []string{alias}
				for range 2 {
					var log enginetest.EventLog
					enginetest.NoError(t, inventoryAndLoad(t.Context(), l, []Node{n}, images, &log))
					if strings.Count(log.Outcomes(), "acme/auth:1") != 1 || f.Saves != 1 {
						t.Errorf("got %s with %d exports, want one image and one export", log.Outcomes(), f.Saves)
					}
				}
				if n.records[alias].target == "" || n.records[images[0].Ref].target == "" {
					t.Errorf("got records %v, want both names", n.records)
				}
			})
		}
	})

	t.Run("sends a shared layer once", func(t *testing.T) {
		t.Parallel()
		f := enginetest.New(t)
		serve(t, f, legacyArchive, authV1, video)
		n := newFakeNode("n") // rejects duplicate files in an archive
		enginetest.NoError(t, inventoryAndLoad(t.Context(), fakeLoader(t, f), []Node{n}, engineImages(authV1, video), nil))
	})

	t.Run("compares images by ID", func(t *testing.T) {
		t.Parallel()
		f := enginetest.New(t)
		serve(t, f, legacyArchive, authV1, authV2)
		l := fakeLoader(t, f)
		n := newFakeNode("n")
		enginetest.NoError(t, inventoryAndLoad(t.Context(), l, []Node{n}, engineImages(authV1, authV2), nil))
		one, two := authV1.image(), authV2.image()

		rebuilt := one
		rebuilt.ID = two.ID
		if missing, err := missingIn(t.Context(), []Node{n}, []engine.Image{rebuilt}); err != nil || len(missing) != 1 {
			t.Errorf("older image with the name: got missing %v, %v, want one", missing, err)
		}
		// importing another image under the name keeps the labels
		n.records[one.Ref] = record{target: n.records[two.Ref].target, labels: n.records[one.Ref].labels}
		missing, err := missingIn(t.Context(), []Node{n}, []engine.Image{one})
		if err != nil || len(missing) != 1 || missing[0].String() != one.Ref+" on node n" {
			t.Errorf("another image under the name: got missing %v, %v, want one", missing, err)
		}
	})

	t.Run("falls back to whole images", func(t *testing.T) {
		t.Parallel()
		f := enginetest.New(t)
		serve(t, f, legacyArchive, authV1, authV2)
		l := fakeLoader(t, f)
		n := newFakeNode("n")
		enginetest.NoError(t, inventoryAndLoad(t.Context(), l, []Node{n}, engineImages(authV1), nil))
		n.wholeOnly = true
		var log enginetest.EventLog
		enginetest.NoError(t, inventoryAndLoad(t.Context(), l, []Node{n}, engineImages(authV2), &log))
		if log.Outcomes() != "acme/auth:2=done+1" || !strings.Contains(log.Messages(event.Warning), "sending whole images: load images into node n: ctr: only whole") {
			t.Errorf("got %s, %s, want one image and a warning", log.Outcomes(), log.Messages(event.Warning))
		}
	})

	t.Run("returns load errors", func(t *testing.T) {
		t.Parallel()
		for _, test := range []struct {
			name   string
			change func(*enginetest.Fake, *fakeNode, *engine.Image)
			want   string
			saves  int
		}{
			{"image for another architecture",
				func(_ *enginetest.Fake, n *fakeNode, _ *engine.Image) { n.machine = "aarch64" },
				"image docker.io/acme/auth:1 is for linux/amd64, but node n is arm64", 0},
			{"node without the image after the import",
				func(_ *enginetest.Fake, n *fakeNode, _ *engine.Image) {
					n.dropRecords = true
					n.records = map[string]record{}
				},
				"node n imported image docker.io/acme/auth:1 but does not list it", 1},
			{"tag moved to another image",
				func(_ *enginetest.Fake, _ *fakeNode, i *engine.Image) { i.ID = digest.FromString("other").String() },
				"image " + digest.FromString("other").String() + " is not in the archive", 1},
		} {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				f := enginetest.New(t)
				serve(t, f, legacyArchive, authV1)
				n, i := newFakeNode("n"), authV1.image()
				test.change(f, n, &i)
				var log enginetest.EventLog
				err := inventoryAndLoad(t.Context(), fakeLoader(t, f), []Node{n}, []engine.Image{i}, &log)
				if err == nil || !strings.Contains(err.Error(), test.want) || fault.ClassOf(err) != fault.Load || f.Saves != test.saves {
					t.Errorf("got %v of class %q with %d exports, want %q of class %q with %d", err, fault.ClassOf(err), f.Saves, test.want, fault.Load, test.saves)
				}
			})
		}
	})

	t.Run("loads random images into random states", func(t *testing.T) {
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
					if err := inventoryAndLoad(t.Context(), fakeLoader(t, f), nodes, engineImages(images...), &log); err != nil {
						t.Fatalf("seed %d: %v", seed, err)
					}
					if warning := log.Messages(event.Warning); warning != "" {
						t.Errorf("seed %d: got warning %s, want none", seed, warning)
					}
				}
			})
		}
	})
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
