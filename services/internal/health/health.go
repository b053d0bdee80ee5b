// Package health watches what a service depends on and answers for it.
//
// Liveness says that the process works; it depends on nothing, because a
// restart mends no database. Readiness says that requests can be served now. A
// service that starts before its dependencies is live, not ready, and keeps
// trying.
package health

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// A Check reaches one dependency.
type Check struct {
	Name     string
	Optional bool // the service works without it, with less: it does not count for readiness
	Probe    func(context.Context) error
}

// errUnknown is a dependency's state before its first probe.
var errUnknown = errors.New("not probed yet")

// A Monitor probes the dependencies side by side, again and again, so that an
// answer costs nothing and cannot be used to load them.
type Monitor struct {
	interval time.Duration
	timeout  time.Duration
	checks   []Check
	report   func(ready bool)
	log      *slog.Logger

	mu       sync.Mutex
	failures []error // one per check; nil is reached
	draining bool
}

// New probes every interval and gives each probe as long.
func New(interval time.Duration, log *slog.Logger, checks ...Check) *Monitor {
	m := &Monitor{interval: interval, timeout: interval, checks: checks, log: log, report: func(bool) {}}
	m.failures = make([]error, len(checks))
	for i := range m.failures {
		m.failures[i] = errUnknown
	}
	return m
}

// Notify calls report after every round of probes. Call it before Run.
func (m *Monitor) Notify(report func(ready bool)) { m.report = report }

// Run probes until ctx ends.
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
		return // the service stops: cut off probes say nothing
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

// Ready says whether all required dependencies were reached and the service is
// not draining.
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

// Drain makes the service not ready for good.
func (m *Monitor) Drain() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.draining = true
}
