package nodeload

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	digest "github.com/opencontainers/go-digest"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

func TestLoader_pusher(t *testing.T) {
	t.Parallel()
	t.Run("sends only the changed layer", func(t *testing.T) {
		t.Parallel()
		f := enginetest.New(t)
		p := servePush(t, f, authV1, authV2)
		l, nodes := fakeLoader(t, f), []Node{newFakeNode("one"), newFakeNode("two")}
		enginetest.NoError(t, inventoryAndLoad(t.Context(), l, nodes, engineImages(authV1), nil))
		if len(p.sent) != 4 {
			t.Errorf("first load: got blobs %q, want a config and three layers", p.sent)
		}
		p.sent = nil
		for _, n := range nodes {
			n.(*fakeNode).blobs = map[string][]byte{} // as with discard_unpacked_layers
		}
		var log enginetest.EventLog
		enginetest.NoError(t, inventoryAndLoad(t.Context(), l, nodes, engineImages(authV2), &log))
		changed := digest.FromBytes(gzipped(layer("auth 2"))).String()
		if len(p.sent) != 2 || !strings.Contains(strings.Join(p.sent, " "), changed) {
			t.Errorf("changed layer: got blobs %q, want the config and %s", p.sent, changed)
		}
		if log.Outcomes() != "acme/auth:2=done+2" || log.Messages(event.Warning) != "" || f.Saves != 0 {
			t.Errorf("got %s, %s, %d exports, want one image without a warning or an export", log.Outcomes(), log.Messages(event.Warning), f.Saves)
		}
		if len(f.Tags) != 0 || len(f.Untags) != 2 {
			t.Errorf("got tags %v after %d were removed, want none after 2", f.Tags, len(f.Untags))
		}
	})

	t.Run("sends a layer of several images once", func(t *testing.T) {
		t.Parallel()
		f := enginetest.New(t)
		p := servePush(t, f, authV1, video)
		enginetest.NoError(t, inventoryAndLoad(t.Context(), fakeLoader(t, f), []Node{newFakeNode("n")}, engineImages(authV1, video), nil))
		if len(p.sent) != 6 {
			t.Errorf("got %d blobs, want 2 configs and 4 layers: %q", len(p.sent), p.sent)
		}
	})

	t.Run("removes the tags of a killed load", func(t *testing.T) {
		t.Parallel()
		f := enginetest.New(t)
		servePush(t, f, authV1)
		f.Tags["127.0.0.1:1/tkdeploy:1000000000-0"] = "sha256:old"
		f.Tags["127.0.0.1:1/tkdeploy:99999999999-0"] = "sha256:running"
		f.Tags["127.0.0.1:1/tkdeploy:latest"] = "sha256:other"
		enginetest.NoError(t, inventoryAndLoad(t.Context(), fakeLoader(t, f), []Node{newFakeNode("n")}, engineImages(authV1), nil))
		if len(f.Tags) != 2 || f.Tags["127.0.0.1:1/tkdeploy:1000000000-0"] != "" {
			t.Errorf("got tags %v, want those of the running load and of another program", f.Tags)
		}
	})

	t.Run("exports the images of an engine that cannot push", func(t *testing.T) {
		t.Parallel()
		for name, test := range map[string]struct {
			push func(http.ResponseWriter, *http.Request, string, string)
			want string
		}{
			"no route and no relay": {func(w http.ResponseWriter, _ *http.Request, _, _ string) {
				_, _ = w.Write([]byte(`{"errorDetail":{"message":"connection refused"}}`))
			}, ""},
			"no manifest": {func(http.ResponseWriter, *http.Request, string, string) {},
				"the engine cannot push the images, so it exports them, which takes longer: read pushed image docker.io/acme/auth:1: the engine pushed no manifest"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				f := enginetest.New(t)
				servePush(t, f, authV1)
				f.Push = test.push
				l := fakeLoader(t, f)
				l.options.RelayImage = "tkdeploy-probe:1" // the fake engine has no containers
				var log enginetest.EventLog
				enginetest.NoError(t, inventoryAndLoad(t.Context(), l, []Node{newFakeNode("n")}, engineImages(authV1), &log))
				if got := log.Messages(event.Warning); got != test.want || f.Saves != 1 || len(f.Tags) != 0 {
					t.Errorf("got warning %q, %d exports, tags %v, want %q, one export, no tag", got, f.Saves, f.Tags, test.want)
				}
			})
		}
	})

	t.Run("sends whole images to a node that rejects partial ones", func(t *testing.T) {
		t.Parallel()
		f := enginetest.New(t)
		servePush(t, f, authV1, authV2)
		l, n := fakeLoader(t, f), newFakeNode("n")
		enginetest.NoError(t, inventoryAndLoad(t.Context(), l, []Node{n}, engineImages(authV1), nil))
		n.wholeOnly = true
		var log enginetest.EventLog
		enginetest.NoError(t, inventoryAndLoad(t.Context(), l, []Node{n}, engineImages(authV2), &log))
		if log.Outcomes() != "acme/auth:2=done+1" || f.Saves != 1 {
			t.Errorf("got %s with %d exports, want one image with one export", log.Outcomes(), f.Saves)
		}
	})

	t.Run("ends and cleans up when canceled", func(t *testing.T) {
		t.Parallel()
		f := enginetest.New(t)
		servePush(t, f, authV1)
		ctx, cancel := context.WithCancel(t.Context())
		f.Push = func(_ http.ResponseWriter, r *http.Request, _, _ string) { cancel(); <-r.Context().Done() }
		l := fakeLoader(t, f)
		err := inventoryAndLoad(ctx, l, []Node{newFakeNode("n")}, engineImages(authV1), nil)
		entries, _ := os.ReadDir(l.options.TempDir)
		if !errors.Is(err, context.Canceled) || len(f.Tags) != 0 || len(entries) != 0 || f.Saves != 0 {
			t.Errorf("got %v, tags %v, files %v, %d exports, want only %v", err, f.Tags, entries, f.Saves, context.Canceled)
		}
	})

	t.Run("gives up on an engine that stalls", func(t *testing.T) {
		t.Parallel()
		f := enginetest.New(t)
		servePush(t, f, authV1)
		f.Push = func(_ http.ResponseWriter, r *http.Request, _, _ string) { <-r.Context().Done() }
		l := fakeLoader(t, f)
		l.options.ExportTimeout = 20 * time.Millisecond
		f.Archive = nil
		transfers, err := planTransfers(Inventory{images: engineImages(authV1), nodes: []Node{newFakeNode("n")}, have: []nodeInventory{{}}})
		enginetest.NoError(t, err)
		_, err = l.pusher(t.Context()).export(t.Context(), transfers)
		if !errors.Is(err, errExportStalled) || fault.ClassOf(err) != fault.Load {
			t.Errorf("got %v, want %v", err, errExportStalled)
		}
	})

	t.Run("loads random images into random states", func(t *testing.T) {
		t.Parallel()
		for seed := range uint64(40) {
			random := rand.New(rand.NewPCG(seed, 1))
			images := randomImages(random)
			f := enginetest.New(t)
			servePush(t, f, images...)
			nodes := []Node{randomNode(random, "a", images), randomNode(random, "b", images)}
			var log enginetest.EventLog
			if err := inventoryAndLoad(t.Context(), fakeLoader(t, f), nodes, engineImages(images...), &log); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if warning := log.Messages(event.Warning); warning != "" || f.Saves > 0 {
				t.Errorf("seed %d: got warning %q and %d exports, want none", seed, warning, f.Saves)
			}
		}
	})
}
