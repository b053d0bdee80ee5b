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

// failFast ends the wait if causes have been fatal for Limits.FailureDebounce.
func (r *run) failFast(causes []health.Cause, workloads []health.Workload, now time.Time) (bool, error) {
	fatal := map[health.Object]bool{}
	for _, c := range causes {
		if c.Fatal() {
			fatal[c.Object] = true
		}
	}
	if len(fatal) == 0 {
		r.failingSince = time.Time{}
		return false, nil
	}
	if r.failingSince.IsZero() {
		r.failingSince = now
	}
	if now.Sub(r.failingSince) < r.limits.FailureDebounce {
		return false, nil
	}
	causes = slices.DeleteFunc(causes, func(c health.Cause) bool { return !fatal[c.Object] })
	return true, r.failure(causes, workloads, false)
}

// diagnose is [health.Diagnose] without the causes of completed Jobs.
func (r *run) diagnose(s health.Snapshot, workloads []health.Workload, now time.Time) []health.Cause {
	return slices.DeleteFunc(health.Diagnose(s, r.watcher.thresholds(), now), func(c health.Cause) bool {
		return !slices.ContainsFunc(workloads, func(w health.Workload) bool { return w.Object == c.Object && isUnready(w) })
	})
}

func (r *run) contextDone(ctx context.Context) error {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("wait for workloads: %w", ctx.Err())
	}
	now := time.Now()
	if e := r.cache.unavailable(); e != nil {
		return apiError(fmt.Errorf("wait for workloads: timed out, API server not responding for %s: %w", seconds(now.Sub(e.lastResponse)), e.err))
	}
	if !r.cache.hasSynced() {
		return fault.New(fault.Inconclusive, fmt.Errorf("wait for workloads: %w before the first list completed", ctx.Err()), "increase --timeout")
	}
	snap := r.snapshot()
	at := r.cache.skew.clusterTime(now)
	workloads := r.computeStatus(snap, at)
	return r.failure(r.diagnose(snap, workloads, at), workloads, true)
}

// failure adds a cause for every unready workload without one if the wait
// expired.
func (r *run) failure(causes []health.Cause, workloads []health.Workload, expired bool) *Failure {
	now := time.Now()
	for i := range causes {
		if c := &causes[i]; expired && !c.Fatal() && c.Waiting != "" {
			c.Detail = append(c.Detail, c.Waiting)
		}
	}
	f := &Failure{Causes: causes, Elapsed: now.Sub(r.begin), Expired: expired, Kubectl: r.watcher.Kubectl}
	for _, w := range workloads {
		if !isUnready(w) {
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

func isUnready(w health.Workload) bool { return w.State != health.Ready }
