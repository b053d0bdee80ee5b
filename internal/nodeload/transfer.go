package nodeload

import (
	"errors"
	"fmt"
	"slices"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// transfer holds the images that one node lacks.
type transfer struct {
	node   Node
	have   nodeInventory
	images []engine.Image
	err    error
}

func planTransfers(inventory Inventory) ([]*transfer, error) {
	var transfers []*transfer
	var problems []error
	for i, n := range inventory.nodes {
		t := &transfer{node: n, have: inventory.have[i], images: missingImages(inventory.have[i].records, inventory.images)}
		if len(t.images) > 0 {
			transfers = append(transfers, t)
			problems = append(problems, t.check())
		}
	}
	return transfers, errors.Join(problems...)
}

func (t *transfer) check() error {
	var problems []error
	for _, i := range t.images {
		if arch, ok := t.have.runs(i); !ok {
			problems = append(problems, fault.New(fault.Load,
				fmt.Errorf("image %s is for %s, but node %s is %s", i.Ref, i.Platform, t.node.Name(), arch),
				"build it for linux/"+arch+", or use an image for that platform"))
		}
	}
	return errors.Join(problems...)
}

// needs reports whether the node needs the n-th layer. blob is the digest of
// the layer as sent.
func (t *transfer) needs(i engine.Image, n int, blob string) bool {
	return n >= t.have.unpacked(i.DiffIDs) && !t.have.blobs[blob]
}

func (t *transfer) partial() bool {
	for _, i := range t.images {
		for n, diffID := range i.DiffIDs {
			if !t.needs(i, n, diffID) {
				return true
			}
		}
	}
	return false
}

// batch is a group of transfers that shares no layer with another. The engine
// exports each layer once, and batches are independent.
type batch []*transfer

func containsRef(images []engine.Image, ref string) bool {
	return slices.ContainsFunc(images, func(i engine.Image) bool { return i.Ref == ref })
}
