package nodeload

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/docker/go-units"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// meters count what is sent of each image, by Image.Ref, all nodes together.
type transferProgress map[string]*meter

// A meter counts the bytes of one image's layers. A layer that several images
// share is sent once, and counts for the first.
type meter struct {
	image    engine.Image
	reporter event.Reporter

	mu       sync.Mutex
	sent     int64
	expected int64
	reported int64
	finished bool
}

// meterStep is how many bytes pass between two progress events.
const meterStep = 16 << 20

func newMeters(images []engine.Image, reporter event.Reporter) transferProgress {
	m := transferProgress{}
	for _, i := range images {
		m[i.Ref] = &meter{image: i, reporter: reporter}
	}
	return m
}

// expect adds what a node is going to get.
func (m transferProgress) addTotal(t *transfer, from *export) {
	counted := map[string]bool{}
	for _, i := range t.images {
		for n, layer := range from.images[i.Ref].layers {
			if blob := layer.Digest.String(); t.needs(i, n, blob) && !counted[blob] {
				counted[blob] = true
				m[i.Ref].addTotal(layer.Size)
			}
		}
		m[i.Ref].report()
	}
}

func (m *meter) addTotal(size int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expected += size
}

// Write counts.
func (m *meter) Write(p []byte) (int, error) {
	m.mu.Lock()
	m.sent += int64(len(p))
	due := m.sent-m.reported >= meterStep
	m.mu.Unlock()
	if due {
		m.report()
	}
	return len(p), nil
}

func (m *meter) report() {
	m.mu.Lock()
	m.reported = m.sent
	e := event.Progress(m.image.Name, "send layers")
	e.Current, e.Total = m.sent, m.expected
	m.mu.Unlock()
	m.reporter.Report(e)
}

// finish reports how each image of a batch ended: one mutation for each node
// that got it.
func (m transferProgress) finish(b batch, err error, elapsed time.Duration) {
	for ref, nodes := range lackingBy(b) {
		m[ref].finish(nodes, err, elapsed)
	}
}

// finishRest reports the images that were in no batch that was sent: all nodes
// had them, or a failure came before.
func (m transferProgress) finishRest(transfers []*transfer) {
	lacked := lackingBy(transfers)
	for ref, meter := range m {
		if !meter.finished {
			meter.finish(lacked[ref], context.Canceled, 0)
		}
	}
}

// lackingBy are the names of the nodes that lack an image, by Image.Ref.
func lackingBy(transfers []*transfer) map[string][]string {
	nodes := map[string][]string{}
	for _, t := range transfers {
		for _, i := range t.images {
			nodes[i.Ref] = append(nodes[i.Ref], t.node.Name())
		}
	}
	return nodes
}

// finish takes the nodes that lacked the image.
func (m *meter) finish(nodes []string, err error, elapsed time.Duration) {
	m.finished = true
	e := event.Finished(m.image.Name, event.Unchanged, "", elapsed, 0)
	if len(nodes) > 0 {
		e.Reason = "not in " + strings.Join(nodes, ", ")
	}
	switch {
	case len(nodes) == 0:
	case errors.Is(err, context.Canceled):
		e.Outcome = event.Canceled
	case err != nil:
		e.Outcome, e.Err = event.Failed, err
	default:
		e.Outcome, e.Mutations = event.Done, len(nodes)
		e.Message = fmt.Sprintf("sent %s to %s", units.BytesSize(float64(m.sent)), text.Plural(len(nodes), "node"))
	}
	m.reporter.Report(e)
}
