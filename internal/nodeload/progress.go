package nodeload

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/docker/go-units"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// transferProgress counts the bytes of each image sent to all nodes, by
// Image.Ref.
type transferProgress map[string]*meter

// meter counts the bytes of an image. A shared layer counts for the first
// image.
type meter struct {
	image    engine.Image
	reporter event.Reporter

	mu       sync.Mutex
	sent     int64
	total    int64
	reported int64
	finished bool
}

const meterStep = 16 << 20

// newTransferProgress reports an image with several names once.
func newTransferProgress(images []engine.Image, reporter event.Reporter) transferProgress {
	p := transferProgress{}
	for _, i := range images {
		m := &meter{image: i, reporter: reporter}
		if slices.Contains(i.Aliases, i.Ref) {
			m.reporter = event.ReporterFunc(func(event.Event) {})
		}
		p[i.Ref] = m
	}
	return p
}

func (p transferProgress) addTotal(t *transfer, e *export) {
	counted := map[string]bool{}
	for _, i := range t.images {
		for n, layer := range e.images[i.Ref].layers {
			if blob := layer.descriptor.Digest.String(); t.needs(i, n, blob) && !counted[blob] {
				counted[blob] = true
				p[i.Ref].addTotal(layer.descriptor.Size)
			}
		}
		p[i.Ref].report()
	}
}

func (m *meter) addTotal(size int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.total += size
}

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
	e.Current, e.Total = m.sent, m.total
	m.mu.Unlock()
	m.reporter.Report(e)
}

// finish reports the outcome of a batch, with one mutation per image and node.
func (p transferProgress) finish(b batch, err error, elapsed time.Duration) {
	for ref, nodes := range nodesByImage(b) {
		p[ref].finish(nodes, err, elapsed)
	}
}

// finishRest reports images that no node lacked or that were not sent.
func (p transferProgress) finishRest(transfers []*transfer) {
	nodes := nodesByImage(transfers)
	for ref, meter := range p {
		if !meter.finished {
			meter.finish(nodes[ref], context.Canceled, 0)
		}
	}
}

func nodesByImage(transfers []*transfer) map[string][]string {
	nodes := map[string][]string{}
	for _, t := range transfers {
		for _, i := range t.images {
			nodes[i.Ref] = append(nodes[i.Ref], t.node.Name())
		}
	}
	return nodes
}

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
