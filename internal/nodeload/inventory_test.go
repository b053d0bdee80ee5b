package nodeload

import (
	"fmt"
	"testing"

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
