package rollout

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/health"
)

// look is how often the clock alone is reason to judge again: graces end
// without anything happening in the cluster.
const evaluateInterval = time.Second

// A run is one wait. All of it but the feeds happens in one goroutine.
type run struct {
	watcher *Watcher
	limits  Limits
	objects []health.Object
	cache   *cache
	updates chan update
	begin   time.Time
	outage  outage
	show    *display

	reconnected  time.Time // when the connections were closed last
	baseline     health.Baseline
	completed    map[health.Object]bool // Jobs that were seen complete: they may be deleted since
	failingSince time.Time              // since when a cause is fatal; zero if none is
}

func newRun(w *Watcher, objects []health.Object, report event.Reporter) *run {
	now := time.Now()
	return &run{
		watcher: w, limits: w.limits(), objects: objects,
		cache:   newCache(listWatches(w.Client, objects), now),
		updates: make(chan update), begin: now,
		outage:    outage{limits: w.limits(), report: report},
		show:      newDisplay(objects, report, now),
		completed: map[health.Object]bool{},
	}
}

// start starts the feeds. The function that it returns ends them and waits.
func (r *run) start(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for i, e := range r.cache.entries {
		wg.Go(func() { reflector{e.source, i, r.limits, r.updates}.run(ctx) })
	}
	return func() {
		cancel()
		wg.Wait()
	}
}

// loop takes what the feeds send until a verdict is reached. The error of a
// failed wait is a *Failure without logs.
func (r *run) loop(ctx context.Context) error {
	clock := time.NewTicker(evaluateInterval)
	defer clock.Stop()
	for {
		select {
		case u := <-r.updates:
			r.receive(u)
			r.drain()
		case <-clock.C:
		case <-ctx.Done():
			return r.contextDone(ctx)
		}
		if over, err := r.evaluate(time.Now()); over {
			return err
		}
	}
}

// drain takes what else is there already: one judgement serves for all.
func (r *run) drain() {
	for {
		select {
		case u := <-r.updates:
			r.receive(u)
		default:
			return
		}
	}
}

// take keeps what a feed sent. A request that timed out may have been lost in a
// dead connection: the next ones get a new connection.
func (r *run) receive(u update) {
	now := time.Now()
	r.cache.apply(u, now)
	if errors.Is(u.err, context.DeadlineExceeded) && r.watcher.reconnect != nil && now.Sub(r.reconnected) > r.limits.Request/2 {
		r.reconnected = now
		r.watcher.reconnect()
	}
}

// judge looks at everything that is known and reports whether the wait is over.
func (r *run) evaluate(now time.Time) (over bool, err error) {
	for _, e := range r.cache.entries {
		if e.source.required && isDenied(e.err) {
			return true, apiError(e.err)
		}
	}
	r.show.warnDenied(r.cache.entries)
	if away, err := r.outage.check(r.cache.unavailable(), now); away {
		return err != nil, err
	}
	if !r.cache.hasSynced() {
		return false, nil
	}
	snap := r.snapshot()
	at := r.cache.skew.clusterTime(now)
	workloads := r.computeStatus(snap, at)
	r.show.progress(workloads, now)
	if !slices.ContainsFunc(workloads, isUnready) {
		return true, nil
	}
	return r.failFast(snap, workloads, at, now)
}

// snapshot is the store's, with what the run knows of the time before it.
func (r *run) snapshot() health.Snapshot {
	s := r.cache.snapshot(r.objects)
	s.Started = r.cache.skew.clusterTime(r.begin)
	r.baseline.Apply(&s, r.watcher.thresholds())
	return s
}

// measure is Measure with a memory for Jobs.
func (r *run) computeStatus(s health.Snapshot, now time.Time) []health.Workload {
	workloads := health.ComputeStatus(s, r.watcher.thresholds(), now)
	for i := range workloads {
		w := &workloads[i]
		if r.completed[w.Object] && w.State == health.Absent {
			w.State, w.Message = health.Ready, "complete, and deleted since"
		}
		r.completed[w.Object] = w.Kind == health.Job && w.State == health.Ready
	}
	return workloads
}

func seconds(d time.Duration) string { return d.Round(time.Second).String() }
