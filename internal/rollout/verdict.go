package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/health"
)

// condemn ends the wait when causes have been fatal for Limits.Gather.
func (r *run) condemn(snap health.Snapshot, workloads []health.Workload, at, now time.Time) (bool, error) {
	causes := r.classify(snap, workloads, at)
	fatal := map[health.Object]bool{}
	for _, c := range causes {
		if c.Fatal() {
			fatal[c.Object] = true
		}
	}
	if len(fatal) == 0 {
		r.doomed = time.Time{}
		return false, nil
	}
	if r.doomed.IsZero() {
		r.doomed = now
	}
	if now.Sub(r.doomed) < r.limits.FailureDebounce {
		return false, nil
	}
	causes = slices.DeleteFunc(causes, func(c health.Cause) bool { return !fatal[c.Object] })
	return true, r.failure(causes, workloads, false)
}

// classify is Classify without the causes of Jobs that were seen complete.
func (r *run) classify(s health.Snapshot, workloads []health.Workload, now time.Time) []health.Cause {
	return slices.DeleteFunc(health.Diagnose(s, r.watcher.thresholds(), now), func(c health.Cause) bool {
		return !slices.ContainsFunc(workloads, func(w health.Workload) bool { return w.Object == c.Object && unready(w) })
	})
}

// ended says why the context ended the wait.
func (r *run) ended(ctx context.Context) error {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("wait for workloads: %w", ctx.Err())
	}
	now := time.Now()
	if k := r.store.silent(); k != nil {
		return unreadable(fmt.Errorf("wait for workloads: time is up, and the API server has not answered for %s: %w", seconds(now.Sub(k.contact)), k.err))
	}
	if !r.store.complete() {
		return fault.New(fault.Inconclusive, fmt.Errorf("wait for workloads: %w before the first look", ctx.Err()), "Give it more time (--timeout).")
	}
	snap := r.snapshot()
	at := r.store.lag.cluster(now)
	workloads := r.measure(snap, at)
	return r.failure(r.classify(snap, workloads, at), workloads, true)
}

// failure says what is known of each workload that is not ready.
func (r *run) failure(causes []health.Cause, workloads []health.Workload, expired bool) *Failure {
	now := time.Now()
	f := &Failure{Causes: causes, Elapsed: now.Sub(r.begin), Expired: expired, Kubectl: r.watcher.Kubectl}
	for _, w := range workloads {
		if !unready(w) {
			continue
		}
		f.Unready = append(f.Unready, w)
		known := slices.ContainsFunc(causes, func(c health.Cause) bool { return c.Object == w.Object })
		if expired && !known {
			f.Causes = append(f.Causes, health.StillStarting(w, now))
		}
	}
	health.SortCauses(f.Causes)
	return f
}

func unready(w health.Workload) bool { return w.State != health.Ready }
