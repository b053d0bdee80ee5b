package health

import (
	"fmt"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/health/mention"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// release judges the workloads of a release together: a problem of one may heal
// once others are ready.
type release struct {
	index      *index
	thresholds Thresholds
	now        time.Time
	workloads  []Workload
	causes     []Cause
}

// hold keeps causes from being fatal while the rest of the release may heal them.
// It ends as soon as nothing else changes: two workloads that only wait for each
// other are both reported.
func (r *release) hold() {
	for i := range r.causes {
		r.awaitRetry(&r.causes[i])
	}
	dead := r.dead()
	for i := range r.causes {
		c := &r.causes[i]
		r.trace(c)
		if c.FatalAt.IsZero() {
			continue
		}
		if names := r.healers(*c, dead); len(names) > 0 {
			c.FatalAt = time.Time{}
			c.Waiting, c.Waited = "waiting for "+text.Abbreviate(names, 3)+waitsFor[c.remedy], ""
		}
	}
}

var waitsFor = map[remedy]string{readyRelease: " to become ready", freeRoom: " to free resources"}

// awaitRetry discards evidence from before the last other workload was ready: a
// service that exits until its database answers needs another attempt.
func (r *release) awaitRetry(c *Cause) {
	if c.remedy != readyRelease || c.FatalAt.IsZero() {
		return
	}
	ready := r.lastReady(c.Object)
	switch {
	case ready.IsZero():
	case !c.run.IsZero():
		if c.run.Before(ready.Add(r.thresholds.Settle)) {
			c.FatalAt, c.Waiting = time.Time{}, "waiting for its next attempt"
		}
	case !c.evidence.After(ready.Add(r.thresholds.Settle)):
		c.FatalAt = latest(c.FatalAt, ready.Add(r.thresholds.Settle+r.thresholds.Retry))
	}
}

// lastReady returns when the last of the other ready workloads became ready.
func (r *release) lastReady(o Object) time.Time {
	var last time.Time
	for _, w := range r.workloads {
		if w.Object != o && w.State == Ready {
			last = latest(last, r.index.readySince(w.Object))
		}
	}
	return last
}

func (ix *index) readySince(o Object) time.Time {
	workload := ix.workloads[o]
	if workload == nil {
		return time.Time{}
	}
	var last time.Time
	if job, ok := workload.(*batchv1.Job); ok && job.Status.CompletionTime != nil {
		last = job.Status.CompletionTime.Time
	}
	for _, p := range ix.newPods(workload) {
		if c := podCondition(p, corev1.PodReady); c != nil && c.Status == corev1.ConditionTrue {
			last = latest(last, c.LastTransitionTime.Time)
		}
	}
	return last
}

// dead returns the workloads that do not become ready by themselves. A Job that
// keeps crashing counts although it has attempts left.
func (r *release) dead() map[Object]bool {
	dead := map[Object]bool{}
	for _, c := range r.causes {
		spent := c.Object.Kind == Job && c.attempts > r.thresholds.CrashRestarts && !c.run.Before(r.lastReady(c.Object).Add(r.thresholds.Settle))
		if c.Fatal() || spent {
			dead[c.Object] = true
		}
	}
	return dead
}

// healers returns the names of the workloads that may heal the cause.
func (r *release) healers(c Cause, dead map[Object]bool) []string {
	var names []string
	for _, w := range r.workloads {
		if w.Object == c.Object || w.State == Ready || dead[w.Object] {
			continue
		}
		switch c.remedy {
		case readyRelease:
			if (w.State != Paused || w.Kind == Job) && !r.follows(w.Object, c.Object) { // a queue resumes a Job
				names = append(names, w.Name)
			}
		case freeRoom:
			if w.Outdated > 0 || w.Kind == Job && w.Updated > w.Ready {
				names = append(names, w.Name)
			}
		}
	}
	return names
}

// follows reports whether workload a, which has a problem, waits for b and not the
// other way around.
func (r *release) follows(a, b Object) bool {
	return r.hasCause(a) && r.mentions(a, b) && !r.mentions(b, a)
}

func (r *release) hasCause(o Object) bool {
	return slices.ContainsFunc(r.causes, func(c Cause) bool { return c.Object == o && c.Proven() })
}

// trace marks the cause as a consequence if its workload uses another one with a
// problem.
func (r *release) trace(c *Cause) {
	if c.remedy != readyRelease && c.Reason != NotReady {
		return
	}
	for _, w := range r.workloads {
		if w.Object != c.Object && w.State != Ready && r.hasCause(w.Object) && r.follows(c.Object, w.Object) {
			c.consequence = true
			c.Detail = append(c.Detail, fmt.Sprintf("it uses %s, which is not ready either", w.Name))
			return
		}
	}
}

func (r *release) mentions(a, b Object) bool {
	return mention.Host(mention.PodSpec(r.index.workloads[a]), b.Name)
}
