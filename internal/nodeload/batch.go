package nodeload

import (
	"context"
	"slices"
	"sync"

	"tkdeploy.dev/tkdeploy/internal/engine"
)

// batchSize is the minimum size of all batches but the last. Every import
// starts several processes.
const batchSize = 64 << 20

// batches keeps images that share layers together.
func batches(transfers []*transfer) []batch {
	var all []batch
	var images []engine.Image
	size := int64(0)
	cut := func() {
		if len(images) > 0 {
			all = append(all, selectImages(transfers, images))
		}
		images, size = nil, 0
	}
	for _, group := range groupByLayers(distinctImages(transfers)) {
		for _, i := range group {
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

func selectImages(transfers []*transfer, images []engine.Image) batch {
	var b batch
	for _, t := range transfers {
		part := &transfer{node: t.node, have: t.have}
		for _, i := range t.images {
			if containsRef(images, i.Ref) {
				part.images = append(part.images, i)
			}
		}
		if len(part.images) > 0 {
			b = append(b, part)
		}
	}
	return b
}

func groupByLayers(images []engine.Image) [][]engine.Image {
	var all [][]engine.Image
	for _, i := range images {
		var group []engine.Image
		all = slices.DeleteFunc(all, func(other []engine.Image) bool {
			related := slices.ContainsFunc(other, func(o engine.Image) bool { return shareLayer(i, o) })
			if related {
				group = append(group, other...)
			}
			return related
		})
		all = append(all, append(group, i))
	}
	return all
}

// emptyLayer is the digest of an empty archive, the layer of instructions that
// change no file.
const emptyLayer = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"

func shareLayer(a, b engine.Image) bool {
	return slices.ContainsFunc(a.DiffIDs, func(layer string) bool {
		return layer != emptyLayer && slices.Contains(b.DiffIDs, layer)
	})
}

// send closes the export and stores errors in the transfers.
func (b batch) send(ctx context.Context, e *export, progress transferProgress) {
	defer e.close()
	var nodes sync.WaitGroup
	for _, t := range b {
		progress.addTotal(t, e)
		nodes.Go(func() { t.err = send(ctx, t, e, progress) })
	}
	nodes.Wait()
}

// rejected returns the failed transfers that may succeed with whole images:
// partial ones and those that the engine did not export.
func (b batch) rejected(e *export) batch {
	return slices.DeleteFunc(slices.Clone(b), func(t *transfer) bool { return t.err == nil || !t.partial() && !e.replaceable })
}

func (b batch) errs() []error {
	var errs []error
	for _, t := range b {
		errs = append(errs, t.err)
	}
	return errs
}
