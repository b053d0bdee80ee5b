package nodeload

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
)

func TestInventory_Unresolved(t *testing.T) {
	t.Parallel()
	f := enginetest.New(t)
	serve(t, f, legacyArchive, authV1)
	l := fakeLoader(t, f)
	one, two := newFakeNode("one"), newFakeNode("two")
	enginetest.NoError(t, inventoryAndLoad(t.Context(), l, []Node{one}, engineImages(authV1), nil))
	for nodes, want := range map[*[]Node]string{{one}: "[acme/auth:9]", {one, two}: "[acme/auth:1 acme/auth:9]"} {
		inventory, err := TakeInventory(t.Context(), *nodes, nil, "acme/auth:1", "acme/auth:9")
		if got := inventory.Unresolved(); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%d nodes: got %v, %v, want %s", len(*nodes), got, err, want)
		}
	}
}

// hangingNode is a node whose containerd does not respond.
type hangingNode struct{}

func (hangingNode) Name() string { return "shop-worker" }

func (hangingNode) Run(ctx context.Context, _ io.Reader, _ io.Writer, _ ...string) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

func TestTakeInventory_hangingNode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, err := TakeInventory(t.Context(), []Node{hangingNode{}}, nil)
		if err == nil || !strings.HasSuffix(err.Error(), "list images on node shop-worker: no answer within 2m0s") {
			t.Errorf("got error %v", err)
		}
	})
}
