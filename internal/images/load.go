package images

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// Missing is an image that a node has not.
type Missing struct {
	Node  string
	Image Image
}

func (m Missing) String() string { return m.Image.Ref + " on node " + m.Node }

// Loaded asks each node once and tells which images are missing on which. An
// image counts as there only if it is the engine's very image, whatever its
// name.
func (e *Engine) Loaded(ctx context.Context, nodes []Node, images []Image) ([]Missing, error) {
	records, err := recordsOf(ctx, nodes)
	if err != nil {
		return nil, err
	}
	var missing []Missing
	for i, n := range nodes {
		for _, image := range lacking(records[i], images) {
			missing = append(missing, Missing{Node: n.Name(), Image: image})
		}
	}
	return missing, nil
}

// Nameless asks each node once and tells which of the references some node has
// no image for, whatever image it is. It is for images that the engine has not.
func (e *Engine) Nameless(ctx context.Context, nodes []Node, refs []string) ([]string, error) {
	records, err := recordsOf(ctx, nodes)
	if err != nil {
		return nil, err
	}
	var nameless []string
	for _, ref := range refs {
		if slices.ContainsFunc(records, func(r map[string]record) bool { return r[fullRef(ref)].target == "" }) {
			nameless = append(nameless, ref)
		}
	}
	return nameless, nil
}

// recordsOf are what the nodes' containerds know, by node and by name.
func recordsOf(ctx context.Context, nodes []Node) ([]map[string]record, error) {
	records := make([]map[string]record, len(nodes))
	work, ctx := errgroup.WithContext(ctx)
	for i, n := range nodes {
		work.Go(func() error {
			var out bytes.Buffer
			if err := n.Run(ctx, nil, &out, listCommand...); err != nil {
				return fault.New(fault.Load, fmt.Errorf("ask node %s for its images: %w", n.Name(), err), "")
			}
			records[i] = parseRecords(out.Bytes())
			return nil
		})
	}
	return records, work.Wait()
}

func lacking(records map[string]record, images []Image) []Image {
	var missing []Image
	for _, i := range images {
		if !records[i.Ref].is(i) {
			missing = append(missing, i)
		}
	}
	return missing
}

// Load gives every node the images that it lacks, and of those only the layers
// that it lacks, all nodes at once. If a node does not take that, it gets the
// whole images, and a warning says so. Afterwards each node is asked again;
// errors have the class [fault.Load] and name node and image. An image for
// another architecture is an error before anything is sent.
func (e *Engine) Load(ctx context.Context, nodes []Node, images []Image, reporter event.Reporter) error {
	reporter = inTurn(reporter)
	start := time.Now()
	transfers, err := plan(ctx, nodes, images)
	if err != nil {
		return fault.New(fault.Load, err, "")
	}
	meters := newMeters(images, reporter)
	err = e.transferAll(ctx, transfers, meters, reporter)
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	meters.finish(transfers, err, time.Since(start))
	if ctx.Err() != nil {
		return err
	}
	return fault.New(fault.Load, err, "")
}

// transfer saves the images once and sends each node its part. What went wrong
// with a node is left in its transfer.
func (e *Engine) transfer(ctx context.Context, transfers []*transfer, meters meters) error {
	if len(transfers) == 0 {
		return nil
	}
	saved, err := e.save(ctx, transfers)
	if err != nil {
		return err
	}
	defer saved.close()
	var work []func() error
	for _, t := range transfers {
		meters.expect(t, saved)
		work = append(work, func() error {
			t.err = send(ctx, t, saved, meters)
			return nil
		})
	}
	return sideBySide(work...)
}

// transferAll sends parts of images where that is enough, and whole images to
// the nodes that do not take parts.
func (e *Engine) transferAll(ctx context.Context, transfers []*transfer, meters meters, reporter event.Reporter) error {
	if err := e.transfer(ctx, transfers, meters); err != nil {
		return err
	}
	again := slices.DeleteFunc(slices.Clone(transfers), func(t *transfer) bool { return t.err == nil || !t.partial() })
	if len(again) > 0 && ctx.Err() == nil {
		for _, t := range again {
			reporter.Report(event.Warn(fmt.Sprintf(
				"node %s did not take only the missing layers, so it gets whole images: %v", t.node.Name(), t.err)))
			t.err = nil
			t.have.blobs, t.have.chains = nil, nil
		}
		if err := e.transfer(ctx, again, meters); err != nil {
			return err
		}
	}
	var problems []error
	for _, t := range transfers {
		problems = append(problems, t.err)
	}
	return errors.Join(problems...)
}
