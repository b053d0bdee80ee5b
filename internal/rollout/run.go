package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// look is how often the clock alone is reason to judge again: graces end
// without anything happening in the cluster.
const look = time.Second

// A run is one wait. All of it but the feeds happens in one goroutine.
type run struct {
	watcher *Watcher
	limits  Limits
	objects []Object
	store   *store
	updates chan update
	begin   time.Time
	outage  outage
	show    *display

	restarts map[string]int32 // see Snapshot.Restarts
	done     map[Object]bool  // Jobs that were seen complete: they may be deleted since
	doomed   time.Time        // since when a cause is fatal; zero if none is
}

func newRun(w *Watcher, objects []Object, report event.Reporter) *run {
	now := time.Now()
	return &run{
		watcher: w, limits: w.limits(), objects: objects,
		store:   newStore(sources(w.Client, objects), now),
		updates: make(chan update), begin: now,
		outage: outage{limits: w.limits(), report: report},
		show:   newDisplay(objects, report, now),
		done:   map[Object]bool{},
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
			r.store.take(u, time.Now())
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
			r.store.take(u, time.Now())
		default:
			return
		}
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
	snap := r.snapshot(now)
	at := r.store.lag.cluster(now)
	workloads := r.measure(snap, at)
	r.show.progress(workloads, now)
	if !slices.ContainsFunc(workloads, unready) {
		return true, nil
	}
	return r.condemn(snap, workloads, at, now)
}

// condemn ends the wait when causes have been fatal for Limits.Gather.
func (r *run) condemn(snap Snapshot, workloads []Workload, at, now time.Time) (bool, error) {
	causes := r.classify(snap, workloads, at)
	fatal := map[Object]bool{}
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
	if now.Sub(r.doomed) < r.limits.Gather {
		return false, nil
	}
	causes = slices.DeleteFunc(causes, func(c Cause) bool { return !fatal[c.Object] })
	return true, r.failure(causes, workloads, false)
}

// snapshot is the store's, with what the run knows of the time before it.
func (r *run) snapshot(now time.Time) Snapshot {
	s := r.store.snapshot(r.objects)
	s.Started = r.store.lag.cluster(r.begin)
	if r.restarts == nil {
		r.restarts = map[string]int32{}
		for _, pod := range s.Pods {
			if !pod.CreationTimestamp.Add(r.limits.Young).After(s.Started) {
				for _, c := range containerStatuses(pod) {
					r.restarts[RestartKey(pod, c.Name)] = c.RestartCount
				}
			}
		}
	}
	s.Restarts = r.restarts
	return s
}

// measure is Measure with a memory for Jobs.
func (r *run) measure(s Snapshot, now time.Time) []Workload {
	workloads := Measure(s, r.limits, now)
	for i := range workloads {
		w := &workloads[i]
		if r.done[w.Object] && w.State == Absent {
			w.State, w.Message = Ready, "complete, and deleted since"
		}
		r.done[w.Object] = w.Kind == Job && w.State == Ready
	}
	return workloads
}

// classify is Classify without the causes of Jobs that were seen complete.
func (r *run) classify(s Snapshot, workloads []Workload, now time.Time) []Cause {
	return slices.DeleteFunc(Classify(s, r.limits, now), func(c Cause) bool {
		return !slices.ContainsFunc(workloads, func(w Workload) bool { return w.Object == c.Object && unready(w) })
	})
}

// ended says why the context ended the wait.
func (r *run) ended(ctx context.Context) error {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("wait for workloads: %w", context.Cause(ctx))
	}
	now := time.Now()
	if k := r.store.silent(); k != nil {
		return unreadable(fmt.Errorf("wait for workloads: time is up, and the API server has not answered for %s: %w", seconds(now.Sub(k.contact)), k.err))
	}
	if !r.store.complete() {
		return fault.New(fault.Undecided, fmt.Errorf("wait for workloads: %w before the first look", ctx.Err()), "Give it more time (--timeout).")
	}
	snap := r.snapshot(now)
	at := r.store.lag.cluster(now)
	workloads := r.measure(snap, at)
	return r.failure(r.classify(snap, workloads, at), workloads, true)
}

// failure says what is known of each workload that is not ready.
func (r *run) failure(causes []Cause, workloads []Workload, expired bool) *Failure {
	now := time.Now()
	f := &Failure{Causes: causes, Elapsed: now.Sub(r.begin), Expired: expired}
	for _, w := range workloads {
		if !unready(w) {
			continue
		}
		f.Unready = append(f.Unready, w)
		known := slices.ContainsFunc(causes, func(c Cause) bool { return c.Object == w.Object })
		if expired && !known {
			f.Causes = append(f.Causes, starting(w, now))
		}
	}
	slices.SortStableFunc(f.Causes, byUrgency)
	return f
}

// failed reports the workloads that a failure names.
func (r *run) failed(f *Failure) { r.show.failed(f) }

func unready(w Workload) bool { return w.State != Ready }

func seconds(d time.Duration) string { return d.Round(time.Second).String() }
