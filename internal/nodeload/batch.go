package nodeload

import (
	"context"
	"slices"
	"sync"

	"tkdeploy.dev/tkdeploy/internal/engine"
)

// batchSize is how large the images of a batch are at least, if there are more:
// the import of a batch costs the node some processes, however small it is.
const batchSize = 64 << 20

// batches splits the transfers, images that share layers together.
func batches(transfers []*transfer) []batch {
	var all []batch
	var images []engine.Image
	size := int64(0)
	cut := func() {
		if len(images) > 0 {
			all = append(all, partOf(transfers, images))
		}
		images, size = nil, 0
	}
	for _, family := range families(imagesOf(transfers)) {
		for _, i := range family {
			images = append(images, i)
			size += i.Size
		}
		if size >= batchSize {
			cut()
		}
	}
	cut()
	return all
}

// partOf is what the nodes get of some images.
func partOf(transfers []*transfer, images []engine.Image) batch {
	var b batch
	for _, t := range transfers {
		part := &transfer{node: t.node, have: t.have}
		for _, i := range t.images {
			if hasRef(images, i.Ref) {
				part.images = append(part.images, i)
			}
		}
		if len(part.images) > 0 {
			b = append(b, part)
		}
	}
	return b
}

// families groups images that share a layer, directly or by way of others.
func families(images []engine.Image) [][]engine.Image {
	var all [][]engine.Image
	for _, i := range images {
		var family []engine.Image
		all = slices.DeleteFunc(all, func(other []engine.Image) bool {
			related := slices.ContainsFunc(other, func(o engine.Image) bool { return shareLayer(i, o) })
			if related {
				family = append(family, other...)
			}
			return related
		})
		all = append(all, append(family, i))
	}
	return all
}

// emptyLayer is the archive of no file, which builders use for instructions that
// change no file. That images share it means nothing.
const emptyLayer = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"

func shareLayer(a, b engine.Image) bool {
	return slices.ContainsFunc(a.DiffIDs, func(layer string) bool {
		return layer != emptyLayer && slices.Contains(b.DiffIDs, layer)
	})
}

// send gives every node its part and closes what was saved. What goes wrong with
// a node is left in its transfer.
func (b batch) send(ctx context.Context, from *export, meters transferProgress) {
	defer from.close()
	var nodes sync.WaitGroup
	for _, t := range b {
		meters.addTotal(t, from)
		nodes.Go(func() { t.err = send(ctx, t, from, meters) })
	}
	nodes.Wait()
}

// refused are the nodes that took no part of images, or no layer of the store:
// what the engine itself saves as a whole may yet do.
func (b batch) refused(sent *export) batch {
	return slices.DeleteFunc(slices.Clone(b), func(t *transfer) bool { return t.err == nil || !t.partial() && !sent.fromStore })
}

// problems are what went wrong with the nodes.
func (b batch) problems() []error {
	var problems []error
	for _, t := range b {
		problems = append(problems, t.err)
	}
	return problems
}
