package health

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Diagnose returns the causes that keep workloads from being ready, most urgent
// first, for the workloads in s.Objects. A workload without a known problem has none.
func Diagnose(s Snapshot, thresholds Thresholds, now time.Time) []Cause {
	ix := newIndex(s)
	r := release{index: ix, thresholds: thresholds, now: now}
	for _, o := range slices.Concat(s.Objects, s.Others) {
		w := ix.computeStatus(o, thresholds, now)
		r.workloads = append(r.workloads, w)
		if w.State != Ready {
			r.causes = append(r.causes, ix.diagnose(o, thresholds, now)...)
		}
	}
	r.hold()
	r.causes = slices.DeleteFunc(r.causes, func(c Cause) bool { return !slices.Contains(s.Objects, c.Object) })
	SortCauses(r.causes)
	return r.causes
}

func (ix *index) diagnose(o Object, thresholds Thresholds, now time.Time) []Cause {
	d := &diagnoser{index: ix, thresholds: thresholds, now: now, object: o, workload: ix.workloads[o]}
	if d.workload == nil {
		return d.complete(d.absent())
	}
	pods := ix.newPods(d.workload)
	var found []Cause
	for _, pod := range pods {
		if !d.replaced(pod, pods) {
			found = append(found, d.complete(d.diagnosePod(pod))...)
		}
	}
	if _, ok := o.Kind.Custom(); ok { // its controller may replace the pods
		for i := range found {
			found[i].FatalAt, found[i].ifAll = time.Time{}, time.Time{}
		}
	}
	controller := d.complete(d.diagnoseController(pods))
	if isJob(d.workload) && len(controller) > 0 {
		return controller
	}
	found = append(merge(found, len(pods)), controller...)
	if len(found) == 0 && len(pods) == 0 {
		found = d.complete(d.oldPods())
	}
	return found
}

// replaced reports whether a Job runs another pod instead of a failed one.
func (d *diagnoser) replaced(pod *corev1.Pod, pods []*corev1.Pod) bool {
	return isJob(d.workload) && pod.Status.Phase == corev1.PodFailed && slices.ContainsFunc(pods, func(p *corev1.Pod) bool {
		return p.Status.Phase == corev1.PodPending || p.Status.Phase == corev1.PodRunning
	})
}

func (d *diagnoser) absent() []Cause {
	since := d.index.snapshot.Started
	if since.IsZero() {
		since = d.now
	}
	return []Cause{{
		Reason:  NotFound,
		Message: "does not exist",
		Hint:    "run the deployment again: the object was deleted or never applied",
		Command: kubectl(d.object.Namespace, "get", kubectlName(d.object)),
		Since:   since, FatalAt: since.Add(d.thresholds.Absent), evidence: d.now,
	}}
}

func (d *diagnoser) diagnosePod(pod *corev1.Pod) []Cause {
	if PodReady(pod) || pod.Status.Phase == corev1.PodSucceeded {
		return nil
	}
	p := podDiagnoser{d, pod}
	steps := []func() []Cause{p.failed, p.scheduling, p.node, p.initContainers, p.containers, p.volumes, p.sandbox, p.gates}
	for _, step := range steps {
		if found := step(); len(found) > 0 {
			return found
		}
	}
	return nil
}

// complete sets the common fields, delays causes with evidence from before the
// wait, and applies the configured graces.
func (d *diagnoser) complete(causes []Cause) []Cause {
	started, graces := d.index.snapshot.Started, d.graces()
	for i := range causes {
		c := &causes[i]
		c.Object, c.ObservedAt = d.object, d.now
		for _, at := range []*time.Time{&c.FatalAt, &c.ifAll} {
			if grace := graceOf(graces, c.Reason); grace > 0 && !at.IsZero() {
				*at = latest(*at, c.Since.Add(grace))
			}
		}
		if c.FatalAt.IsZero() {
			continue
		}
		young := c.born.Add(d.thresholds.NewPodAge).After(started)
		switch fresh := c.evidence.After(started); {
		case started.IsZero() || fresh:
		case !young:
			c.FatalAt = latest(c.FatalAt, started.Add(d.thresholds.StaleGrace))
		case c.remedy == readyRelease && c.run.IsZero(): // the kubelet may not have noticed a new object
			c.FatalAt = latest(c.FatalAt, started.Add(d.thresholds.Retry))
		}
	}
	return causes
}

// merge combines causes that differ only in the pod.
func merge(causes []Cause, newPods int) []Cause {
	type key struct {
		reason    Reason
		container string
		subject   string
	}
	at := map[key]int{}
	var merged []Cause
	for _, c := range causes {
		k := key{c.Reason, c.Container, c.subject}
		i, seen := at[k]
		if !seen {
			at[k] = len(merged)
			merged = append(merged, c)
			continue
		}
		merged[i].join(c)
	}
	for i := range merged {
		m := &merged[i]
		slices.Sort(m.Pods)
		slices.Sort(m.Nodes)
		m.Nodes = slices.Compact(m.Nodes)
		if len(m.Pods) == newPods {
			m.FatalAt = earliest(m.FatalAt, m.ifAll)
		}
	}
	return merged
}

func (c *Cause) join(other Cause) {
	c.Pods = append(c.Pods, other.Pods...)
	c.Nodes = append(c.Nodes, other.Nodes...)
	c.Since = earliest(c.Since, other.Since)
	c.FatalAt = earliest(c.FatalAt, other.FatalAt)
	c.ifAll = latest(c.ifAll, other.ifAll)
	c.run = latest(c.run, other.run)
	c.evidence = latest(c.evidence, other.evidence)
	c.attempts += other.attempts
}

// SortCauses sorts causes by the time at which they become fatal, then those that
// never do, then unproven ones. Consequences of another workload's problem follow
// it.
func SortCauses(causes []Cause) { slices.SortStableFunc(causes, byUrgency) }

func byUrgency(a, b Cause) int {
	return cmp.Or(
		first(a.Proven(), b.Proven()),
		first(!a.FatalAt.IsZero(), !b.FatalAt.IsZero()),
		first(!a.consequence, !b.consequence),
		a.FatalAt.Compare(b.FatalAt),
		CompareObjects(a.Object, b.Object),
	)
}

func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// StillStarting returns the cause for a workload without a known problem.
func StillStarting(w Workload, now time.Time) Cause {
	return Cause{
		Reason: Starting, Object: w.Object, ObservedAt: now,
		Message: "still starting: " + w.Message,
		Hint:    "increase --timeout, or check what its pods are doing",
		Command: kubectl(w.Namespace, "describe", kubectlName(w.Object)),
	}
}
