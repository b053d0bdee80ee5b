package nodeload

import (
	"errors"
	"fmt"
	"slices"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// A transfer is what one node gets.
type transfer struct {
	node   Node
	have   nodeInventory
	images []engine.Image
	err    error // why it failed
}

// plan is what the nodes get. It checks that they can run it.
func plan(stock Inventory) ([]*transfer, error) {
	var transfers []*transfer
	var problems []error
	for i, n := range stock.nodes {
		t := &transfer{node: n, have: stock.have[i], images: lacking(stock.have[i].records, stock.images)}
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
				"build it for linux/"+arch+", or use an image that has that platform"))
		}
	}
	return errors.Join(problems...)
}

// needs reports whether the node needs the n-th layer of an image in order to
// import it. Blob is the layer's digest as it is sent.
func (t *transfer) needs(i engine.Image, n int, blob string) bool {
	return n >= t.have.unpacked(i.DiffIDs) && !t.have.blobs[blob]
}

// partial reports that the node gets less than whole images.
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

// A batch is what the nodes get at once: images whose layers no image of
// another batch has. The engine so saves each layer once, and what a node has of
// one batch says nothing about what it needs of another.
type batch []*transfer

// hasRef reports whether the image with the reference is among images.
func hasRef(images []engine.Image, ref string) bool {
	return slices.ContainsFunc(images, func(i engine.Image) bool { return i.Ref == ref })
}
