// Package health probes a service's dependencies and serves its liveness and
// readiness.
//
// Liveness ignores dependencies, because a restart does not repair a database. A
// service that starts before its dependencies is live but not ready.
package health

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Check probes one dependency.
type Check struct {
	Name     string
	Optional bool // readiness does not depend on it
	Probe    func(context.Context) error
}

var errUnknown = errors.New("not probed yet")

// Monitor probes dependencies in parallel at an interval. Health requests return
// the last result, so they put no load on the dependencies.
type Monitor struct {
	interval time.Duration
	timeout  time.Duration
	checks   []Check
	report   func(ready bool)
	log      *slog.Logger

	mu       sync.Mutex
	failures []error // one per check
	draining bool
}

// New returns a Monitor. interval is also the timeout of a probe.
func New(interval time.Duration, log *slog.Logger, checks ...Check) *Monitor {
	m := &Monitor{interval: interval, timeout: interval, checks: checks, log: log, report: func(bool) {}}
	m.failures = make([]error, len(checks))
	for i := range m.failures {
		m.failures[i] = errUnknown
	}
	return m
}

// Notify sets a function to call after every round. Call it before Run.
func (m *Monitor) Notify(report func(ready bool)) { m.report = report }

// Run probes until ctx is done.
func (m *Monitor) Run(ctx context.Context) {
	ticker := time.NewTicker(m.interval)
	defer ticker.Stop()
	for {
		m.round(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (m *Monitor) round(ctx context.Context) {
	probing, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	failures := make([]error, len(m.checks))
	var probes sync.WaitGroup
	for i, check := range m.checks {
		probes.Go(func() { failures[i] = check.Probe(probing) })
	}
	probes.Wait()
	if ctx.Err() != nil {
		return // a probe canceled by the stop is not a failure
	}
	m.mu.Lock()
	before := m.failures
	m.failures = failures
	m.mu.Unlock()
	m.logChanges(ctx, before, failures)
	m.report(m.Ready())
}

func (m *Monitor) logChanges(ctx context.Context, before, now []error) {
	for i, check := range m.checks {
		switch {
		case now[i] == nil && before[i] != nil:
			m.log.InfoContext(ctx, "dependency reached", "dependency", check.Name)
		case now[i] != nil && (before[i] == nil || errors.Is(before[i], errUnknown)):
			m.log.WarnContext(ctx, "dependency not reached", "dependency", check.Name, "error", now[i])
		}
	}
}

// Ready reports whether the service is not draining and all required
// dependencies are reachable.
func (m *Monitor) Ready() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, failure := range m.failures {
		if failure != nil && !m.checks[i].Optional {
			return false
		}
	}
	return !m.draining
}

// Drain makes the service permanently not ready.
func (m *Monitor) Drain() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.draining = true
}
