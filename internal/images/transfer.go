package images

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// A transfer is what one node gets.
type transfer struct {
	node   Node
	have   inventory
	images []Image
	err    error // why it failed
}

// plan asks all nodes and checks that they can run what they lack.
func plan(ctx context.Context, nodes []Node, images []Image) ([]*transfer, error) {
	transfers := make([]*transfer, len(nodes))
	work, ctx := errgroup.WithContext(ctx)
	for i, n := range nodes {
		work.Go(func() error {
			have, err := takeInventory(ctx, n)
			transfers[i] = &transfer{node: n, have: have, images: lacking(have.records, images)}
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	var problems []error
	for _, t := range transfers {
		problems = append(problems, t.check())
	}
	idle := func(t *transfer) bool { return len(t.images) == 0 }
	return slices.DeleteFunc(transfers, idle), errors.Join(problems...)
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
func (t *transfer) needs(i Image, n int, blob string) bool {
	return n >= t.have.unpacked(i.diffIDs) && !t.have.blobs[blob]
}

// partial reports that the node gets less than whole images.
func (t *transfer) partial() bool {
	for _, i := range t.images {
		for n, diffID := range i.diffIDs {
			if !t.needs(i, n, diffID) {
				return true
			}
		}
	}
	return false
}
