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

// evaluateInterval limits the time between evaluations: grace periods end without
// a change.
const evaluateInterval = time.Second

// run is one wait. Everything but the reflectors runs in one goroutine.
type run struct {
	watcher *Watcher
	limits  Limits
	objects []health.Object
	cache   *cache
	updates chan update
	begin   time.Time
	outage  outage
	show    *display

	reconnected  time.Time
	baseline     health.Baseline
	listening    listening
	completed    map[health.Object]bool // Jobs, which may be deleted by now
	failingSince time.Time              // zero if no cause is fatal
	unready      time.Time              // see [health.Snapshot]
	stuck        stuckPods
}

func newRun(w *Watcher, objects []health.Object, report event.Reporter) *run {
	now := time.Now()
	return &run{
		watcher: w, limits: w.limits(), objects: objects,
		cache:   newCache(listWatches(w.Client, w.Dynamic, slices.Concat(objects, w.Others)), now),
		updates: make(chan update), begin: now,
		outage:    outage{limits: w.limits(), report: report},
		show:      newDisplay(objects, report, w.redact, now),
		completed: map[health.Object]bool{},
		listening: listening{client: w.Client},
		stuck:     stuckPods{client: w.Client, timeout: w.limits().Request, report: report},
	}
}

// start starts the reflectors. stop waits until they have stopped.
func (r *run) start(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for i, e := range r.cache.entries {
		wg.Go(func() { reflector{e.source, i, r.limits, r.updates}.run(ctx) })
	}
	return func() {
		cancel()
		wg.Wait()
		r.listening.wg.Wait()
	}
}

// loop receives updates until the wait is over. A *Failure that it returns has no
// logs.
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
		if over, err := r.evaluate(ctx, time.Now()); over {
			return err
		}
		if r.watcher.DeleteStuckPods && r.cache.hasSynced() && r.cache.unavailable() == nil {
			r.stuck.delete(ctx, r.cache.snapshot(r.objects))
		}
	}
}

// drain receives pending updates, so that one evaluation covers them all.
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

// receive caches an update. After a timeout it closes the connections, which may
// be dead.
func (r *run) receive(u update) {
	now := time.Now()
	r.cache.apply(u, now)
	if errors.Is(u.err, context.DeadlineExceeded) && r.watcher.reconnect != nil && now.Sub(r.reconnected) > r.limits.Request/2 {
		r.reconnected = now
		r.watcher.reconnect()
	}
}

func (r *run) evaluate(ctx context.Context, now time.Time) (over bool, err error) {
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
	causes := r.diagnose(snap, workloads, at)
	r.listening.check(ctx, causes, snap.Pods, now)
	r.show.progress(workloads, causes, now)
	if !slices.ContainsFunc(workloads, isUnready) {
		return true, nil
	}
	return r.failFast(causes, workloads, now)
}

func (r *run) snapshot() health.Snapshot {
	s := r.cache.snapshot(r.objects)
	s.Others, s.Started, s.Unready, s.Suspended = r.watcher.Others, r.cache.skew.clusterTime(r.begin), r.unready, r.watcher.Suspended
	s.Listening = r.listening.pods(r.cache.skew)
	r.baseline.Apply(&s, r.watcher.thresholds(), r.cache.skew.clusterTime(time.Now()))
	return s
}

// computeStatus is like [health.ComputeStatus], but remembers completed Jobs.
func (r *run) computeStatus(s health.Snapshot, now time.Time) []health.Workload {
	workloads := health.ComputeStatus(s, r.watcher.thresholds(), now)
	for i := range workloads {
		w := &workloads[i]
		if r.completed[w.Object] && w.State == health.Absent {
			w.State, w.Message = health.Ready, "complete, already deleted"
		}
		r.completed[w.Object] = w.Kind == health.Job && w.State == health.Ready
		if _, custom := w.Kind.Custom(); !custom && isUnready(*w) {
			r.unready = now
		}
	}
	return workloads
}

func seconds(d time.Duration) string { return d.Round(time.Second).String() }
