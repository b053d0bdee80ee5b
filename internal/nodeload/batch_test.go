package nodeload

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

var (
	cache  = fakeImage{"acme/cache:1", [][]byte{layer("cache")}}
	broker = fakeImage{"acme/broker:1", [][]byte{layer("jre"), layer("broker")}}
)

// large returns images that each fill a batch.
func large(images ...fakeImage) []engine.Image {
	all := engineImages(images...)
	for i := range all {
		all[i].Size = batchSize
	}
	return all
}

func TestBatches(t *testing.T) {
	t.Parallel()
	empty := engine.Image{Ref: "empty", DiffIDs: []string{emptyLayer}, Size: batchSize}
	alsoEmpty := engine.Image{Ref: "also-empty", DiffIDs: []string{"x", emptyLayer}, Size: batchSize}
	chained := []engine.Image{
		{Ref: "a", DiffIDs: []string{"1"}, Size: batchSize},
		{Ref: "b", DiffIDs: []string{"2"}, Size: batchSize},
		{Ref: "both", DiffIDs: []string{"1", "2"}, Size: batchSize},
	}
	for name, test := range map[string]struct {
		images []engine.Image
		want   string
	}{
		"no image":                    {nil, ""},
		"small images":                {engineImages(authV1, cache, broker), "auth cache broker"},
		"large images":                {large(authV1, cache, broker), "auth | cache | broker"},
		"shared layer":                {large(authV1, cache, video), "cache | auth video"},
		"shared empty layer":          {[]engine.Image{empty, alsoEmpty}, "empty | also-empty"},
		"images connected by a third": {chained, "a b both"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, b := range batches([]*transfer{{node: newFakeNode("n"), images: test.images}}) {
				var refs []string
				for _, i := range b[0].images {
					ref, _, _ := strings.Cut(strings.TrimPrefix(i.Ref, "docker.io/acme/"), ":")
					refs = append(refs, ref)
				}
				got = append(got, strings.Join(refs, " "))
			}
			if got := strings.Join(got, " | "); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

type pacedNode struct {
	*fakeNode
	beforeImport func()
}

func (n pacedNode) Run(ctx context.Context, stdin io.Reader, stdout io.Writer, command ...string) error {
	if stdin != nil {
		n.beforeImport()
	}
	return n.fakeNode.Run(ctx, stdin, stdout, command...)
}

func TestLoader_Load_batches(t *testing.T) {
	t.Parallel()
	t.Run("sends a batch while exporting the next", func(t *testing.T) {
		t.Parallel()
		f := enginetest.New(t)
		serve(t, f, legacyArchive, authV1, cache)
		serve := f.Archive
		second := make(chan struct{})
		f.Archive = func(w io.Writer, names []string) {
			serve(w, names)
			if strings.Contains(names[0], "cache") {
				close(second)
			}
		}
		var once sync.Once
		n := pacedNode{newFakeNode("n"), func() {
			once.Do(func() {
				select {
				case <-second:
				case <-time.After(10 * time.Second):
					t.Error("no export during an import")
				}
			})
		}}
		var log enginetest.EventLog
		enginetest.NoError(t, inventoryAndLoad(t.Context(), fakeLoader(t, f), []Node{n}, large(authV1, cache), &log))
		if log.Outcomes() != "acme/auth:1=done+1 acme/cache:1=done+1" || f.Saves != 2 {
			t.Errorf("got %s with %d exports, want two images with one export each", log.Outcomes(), f.Saves)
		}
	})

	t.Run("imports two batches at once", func(t *testing.T) {
		t.Parallel()
		f := enginetest.New(t)
		serve(t, f, legacyArchive, authV1, cache)
		var imports sync.WaitGroup
		imports.Add(2)
		both := make(chan struct{})
		go func() { imports.Wait(); close(both) }()
		n := pacedNode{newFakeNode("n"), func() {
			imports.Done()
			select {
			case <-both:
			case <-time.After(10 * time.Second):
				t.Error("no second import during an import")
			}
		}}
		enginetest.NoError(t, inventoryAndLoad(t.Context(), fakeLoader(t, f), []Node{n}, large(authV1, cache), nil))
	})

	t.Run("stops at the first failure", func(t *testing.T) {
		t.Parallel()
		f := enginetest.New(t)
		serve(t, f, legacyArchive, authV1, cache, broker)
		n := newFakeNode("n")
		enginetest.NoError(t, inventoryAndLoad(t.Context(), fakeLoader(t, f), []Node{n}, large(cache), nil))
		var log enginetest.EventLog
		err := inventoryAndLoad(t.Context(), fakeLoader(t, f), []Node{fullNode{n, authV1.image()}}, large(authV1, cache, broker), &log)
		if fault.ClassOf(err) != fault.Load || !strings.Contains(err.Error(), "load images into node n: ctr: no space left on device") {
			t.Errorf("got %v of class %q, want the error of node n of class %q", err, fault.ClassOf(err), fault.Load)
		}
		if got := log.Outcomes(); got != "acme/auth:1=failed+0 acme/broker:1=canceled+0 acme/cache:1=unchanged+0" {
			t.Errorf("got %s, want one failed, one canceled and one unchanged image", got)
		}
	})

	t.Run("reports canceled images", func(t *testing.T) {
		t.Parallel()
		f := enginetest.New(t)
		serve(t, f, legacyArchive, authV1, cache)
		ctx, cancel := context.WithCancel(t.Context())
		n := pacedNode{newFakeNode("n"), cancel}
		var log enginetest.EventLog
		err := inventoryAndLoad(ctx, fakeLoader(t, f), []Node{n}, large(authV1, cache), &log)
		if err == nil || ctx.Err() == nil || log.Outcomes() != "acme/auth:1=canceled+0 acme/cache:1=canceled+0" || log.Messages(event.Warning) != "" {
			t.Errorf("got %v, %s, %s, want canceled images without a warning", err, log.Outcomes(), log.Messages(event.Warning))
		}
	})
}

// fullNode rejects one image and blocks on all others.
type fullNode struct {
	*fakeNode
	reject engine.Image
}

func (n fullNode) Run(ctx context.Context, stdin io.Reader, stdout io.Writer, command ...string) error {
	switch {
	case stdin == nil:
		return n.fakeNode.Run(ctx, stdin, stdout, command...)
	case slices.Contains(command, n.reject.Ref):
		return errors.New("ctr: no space left on device")
	}
	<-ctx.Done()
	return ctx.Err()
}
