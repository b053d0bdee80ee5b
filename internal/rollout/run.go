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
const look = time.Second

// A run is one wait. All of it but the feeds happens in one goroutine.
type run struct {
	watcher *Watcher
	limits  Limits
	objects []health.Object
	store   *store
	updates chan update
	begin   time.Time
	outage  outage
	show    *display

	renewed  time.Time // when the connections were closed last
	baseline health.Baseline
	done     map[health.Object]bool // Jobs that were seen complete: they may be deleted since
	doomed   time.Time              // since when a cause is fatal; zero if none is
}

func newRun(w *Watcher, objects []health.Object, report event.Reporter) *run {
	now := time.Now()
	return &run{
		watcher: w, limits: w.limits(), objects: objects,
		store:   newStore(sources(w.Client, objects), now),
		updates: make(chan update), begin: now,
		outage: outage{limits: w.limits(), report: report},
		show:   newDisplay(objects, report, now),
		done:   map[health.Object]bool{},
	}
}

// start starts the feeds. The function that it returns ends them and waits.
func (r *run) start(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for i, k := range r.store.kept {
		wg.Go(func() { feed{k.source, i, r.limits, r.updates}.run(ctx) })
	}
	return func() {
		cancel()
		wg.Wait()
	}
}

// loop takes what the feeds send until a verdict is reached. The error of a
// failed wait is a *Failure without logs.
func (r *run) loop(ctx context.Context) error {
	clock := time.NewTicker(look)
	defer clock.Stop()
	for {
		select {
		case u := <-r.updates:
			r.take(u)
			r.drain()
		case <-clock.C:
		case <-ctx.Done():
			return r.ended(ctx)
		}
		if over, err := r.judge(time.Now()); over {
			return err
		}
	}
}

// drain takes what else is there already: one judgement serves for all.
func (r *run) drain() {
	for {
		select {
		case u := <-r.updates:
			r.take(u)
		default:
			return
		}
	}
}

// take keeps what a feed sent. A request that timed out may have been lost in a
// dead connection: the next ones get a new connection.
func (r *run) take(u update) {
	now := time.Now()
	r.store.take(u, now)
	if errors.Is(u.err, context.DeadlineExceeded) && r.watcher.reconnect != nil && now.Sub(r.renewed) > r.limits.Request/2 {
		r.renewed = now
		r.watcher.reconnect()
	}
}

// judge looks at everything that is known and reports whether the wait is over.
func (r *run) judge(now time.Time) (over bool, err error) {
	for _, k := range r.store.kept {
		if k.required && refused(k.err) {
			return true, unreadable(k.err)
		}
	}
	r.show.dropped(r.store.kept)
	if away, err := r.outage.check(r.store.silent(), now); away {
		return err != nil, err
	}
	if !r.store.complete() {
		return false, nil
	}
	snap := r.snapshot()
	at := r.store.lag.cluster(now)
	workloads := r.measure(snap, at)
	r.show.progress(workloads, now)
	if !slices.ContainsFunc(workloads, unready) {
		return true, nil
	}
	return r.condemn(snap, workloads, at, now)
}

// snapshot is the store's, with what the run knows of the time before it.
func (r *run) snapshot() health.Snapshot {
	s := r.store.snapshot(r.objects)
	s.Started = r.store.lag.cluster(r.begin)
	r.baseline.Apply(&s, r.watcher.thresholds())
	return s
}

// measure is Measure with a memory for Jobs.
func (r *run) measure(s health.Snapshot, now time.Time) []health.Workload {
	workloads := health.ComputeStatus(s, r.watcher.thresholds(), now)
	for i := range workloads {
		w := &workloads[i]
		if r.done[w.Object] && w.State == health.Absent {
			w.State, w.Message = health.Ready, "complete, and deleted since"
		}
		r.done[w.Object] = w.Kind == health.Job && w.State == health.Ready
	}
	return workloads
}

func seconds(d time.Duration) string { return d.Round(time.Second).String() }
