package rollout

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/event"
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

	renewed  time.Time            // when the connections were closed last
	restarts map[string]int32     // see Snapshot.Restarts
	lost     map[string]time.Time // when each killed node came back
	done     map[Object]bool      // Jobs that were seen complete: they may be deleted since
	doomed   time.Time            // since when a cause is fatal; zero if none is
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
func (r *run) snapshot() Snapshot {
	s := r.store.snapshot(r.objects)
	s.Started = r.store.lag.cluster(r.begin)
	r.rebase(s)
	s.Restarts = r.restarts
	return s
}

// rebase forgets the restarts that are no evidence: those of the time before the wait, but for young
// pods, and those up to [Limits.NodeRecoveryGrace] after a killed node came back. What crashed meanwhile had lost
// what it needs with the node.
func (r *run) rebase(s Snapshot) {
	first := r.restarts == nil
	if first {
		r.restarts, r.lost = map[string]int32{}, map[string]time.Time{}
	}
	r.noteReturns(s.Pods)
	for _, pod := range s.Pods {
		lost, born := r.lost[pod.Spec.NodeName], pod.CreationTimestamp.Time
		old := first && !born.Add(r.limits.NewPodAge).After(s.Started)
		for _, c := range containerStatuses(pod) {
			end := lastEnd(c)
			back := end != nil && born.Before(lost) && end.FinishedAt.Time.Before(lost.Add(r.limits.NodeRecoveryGrace))
			if old || back {
				r.restarts[RestartKey(pod, c.Name)] = c.RestartCount
			}
		}
	}
}

// noteReturns keeps when each node that was killed came back: a container that was lost with it shows
// that until its next end. containerd calls that end "Unknown", and dates it with the moment that it
// found the container gone (internal/cri/server/restart.go).
func (r *run) noteReturns(pods []*corev1.Pod) {
	for _, pod := range pods {
		node := pod.Spec.NodeName
		for _, c := range containerStatuses(pod) {
			if end := lastEnd(c); end != nil && end.Reason == "Unknown" {
				r.lost[node] = latest(r.lost[node], end.FinishedAt.Time)
			}
		}
	}
}

// measure is Measure with a memory for Jobs.
func (r *run) measure(s Snapshot, now time.Time) []Workload {
	workloads := ComputeStatus(s, r.limits, now)
	for i := range workloads {
		w := &workloads[i]
		if r.done[w.Object] && w.State == Absent {
			w.State, w.Message = Ready, "complete, and deleted since"
		}
		r.done[w.Object] = w.Kind == Job && w.State == Ready
	}
	return workloads
}

func seconds(d time.Duration) string { return d.Round(time.Second).String() }
