package supportbundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// Collector collects one part of the bundle.
type Collector struct {
	Name string // of the part in the index: "pods and logs"

	// Raw marks output of programs in the cluster, which may contain a Secret. It
	// is skipped if Secrets cannot be redacted.
	Raw bool

	// Collect writes the part's files. It must stop when ctx is done. Files
	// written before an error are kept.
	Collect func(ctx context.Context, to *Writer) error
}

// Collect runs all collectors in parallel. Once ctx is done, it waits at most grace
// and abandons collectors that ignore ctx.
func (b *Bundle) Collect(ctx context.Context, grace time.Duration, collectors ...Collector) {
	writer := &Writer{bundle: b}
	type result struct {
		name string
		err  error
	}
	results := make(chan result, len(collectors))
	running := map[string]bool{}
	for _, c := range collectors {
		if c.Raw && b.secretsErr != nil {
			b.addMissing(c.Name, fmt.Errorf("skipped because Secrets in it could not be redacted: %w", b.secretsErr))
			continue
		}
		running[c.Name] = true
		go func() { results <- result{c.Name, c.Collect(ctx, writer)} }()
	}
	done := ctx.Done()
	var expired <-chan time.Time
	for len(running) > 0 {
		select {
		case r := <-results:
			delete(running, r.name)
			if r.err != nil {
				b.addMissing(r.name, r.err)
			}
		case <-done:
			done, expired = nil, time.After(grace)
		case <-expired:
			writer.close()
			for _, name := range slices.Sorted(maps.Keys(running)) {
				b.addMissing(name, errors.New("incomplete: did not finish in time"))
			}
			return
		}
	}
}

func (b *Bundle) readLog(r io.Reader) (string, error) {
	t := &text.TailWriter{Limit: b.limits.LogBytes}
	_, err := io.Copy(t, r)
	return tailText(t), err
}
