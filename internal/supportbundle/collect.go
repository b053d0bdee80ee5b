package supportbundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"
)

// A Part is a piece of evidence.
type Collector struct {
	Name string // what it is, in words, as in "the pods"

	// Raw says that it repeats what the programs of the cluster say, which may
	// be a Secret. It is left out when the Secrets are not known.
	Raw bool

	// Collect writes the part's files. It honours ctx, and what it wrote before
	// an error stays.
	Collect func(ctx context.Context, to *Writer) error
}

// A Sink takes the files of a part until time is up.
type Writer struct {
	*Bundle
	mu     sync.RWMutex
	closed bool
}

var errLate = errors.New("it came too late")

// Text is [Bundle.Text] in time.
func (s *Writer) Text(name, what, text string) error {
	return s.inTime(func() error { return s.Bundle.Text(name, what, text) })
}

// JSON is [Bundle.JSON] in time.
func (s *Writer) JSON(name, what string, v any) error {
	return s.inTime(func() error { return s.Bundle.JSON(name, what, v) })
}

// Missing notes that a piece of the part is not there, and why.
func (s *Writer) Missing(what string, why error) {
	_ = s.inTime(func() error { s.miss(what, why); return nil }) // after the end, the part as a whole is missing
}

func (s *Writer) inTime(write func() error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return errLate
	}
	return write()
}

func (s *Writer) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// Collect fills the bundle, all parts side by side, until they are done or, after
// the end of ctx, grace has passed for those that do not mind it.
func (b *Bundle) Collect(ctx context.Context, grace time.Duration, parts ...Collector) {
	sink := &Writer{Bundle: b}
	type result struct {
		name string
		err  error
	}
	results := make(chan result, len(parts))
	waiting := map[string]bool{}
	for _, p := range parts {
		if p.Raw && b.blind != nil {
			b.miss(p.Name, fmt.Errorf("the Secrets are not known, and it might show one: %w", b.blind))
			continue
		}
		waiting[p.Name] = true
		go func() { results <- result{p.Name, p.Collect(ctx, sink)} }()
	}
	ended := ctx.Done()
	var late <-chan time.Time
	for len(waiting) > 0 {
		select {
		case r := <-results:
			delete(waiting, r.name)
			if r.err != nil {
				b.miss(r.name, r.err)
			}
		case <-ended:
			ended, late = nil, time.After(grace)
		case <-late:
			sink.close()
			for _, name := range slices.Sorted(maps.Keys(waiting)) {
				b.miss(name, errors.New("not all of it came in time"))
			}
			return
		}
	}
}

// log reads a log to its end and gives its last bytes, also when it breaks off.
func (b *Bundle) log(r io.Reader) (string, error) {
	t := &tail{most: b.limits.LogBytes}
	_, err := io.Copy(t, r)
	return t.text(), err
}
