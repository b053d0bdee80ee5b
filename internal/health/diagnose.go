package health

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Diagnose returns the causes that keep workloads from being ready, most urgent
// first. A workload without a known problem has none.
func Diagnose(s Snapshot, thresholds Thresholds, now time.Time) []Cause {
	ix := newIndex(s)
	var causes []Cause
	for _, o := range s.Objects {
		if ix.computeStatus(o, thresholds, now).State != Ready {
			causes = append(causes, ix.diagnose(o, thresholds, now)...)
		}
	}
	SortCauses(causes)
	return causes
}

func (ix *index) diagnose(o Object, thresholds Thresholds, now time.Time) []Cause {
	d := &diagnoser{index: ix, thresholds: thresholds, now: now, object: o, workload: ix.workloads[o]}
	if d.workload == nil {
		return d.complete(d.absent())
	}
	pods := ix.newPods(d.workload)
	var found []Cause
	for _, pod := range pods {
		found = append(found, d.complete(d.diagnosePod(pod))...)
	}
	return append(merge(found, len(pods)), d.complete(d.diagnoseController(pods))...)
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

// complete sets the common fields and delays causes with evidence from before the
// wait.
func (d *diagnoser) complete(causes []Cause) []Cause {
	for i := range causes {
		c := &causes[i]
		c.Object, c.ObservedAt = d.object, d.now
		young := c.born.Add(d.thresholds.NewPodAge).After(d.index.snapshot.Started)
		fresh := c.evidence.After(d.index.snapshot.Started)
		if !c.FatalAt.IsZero() && !d.index.snapshot.Started.IsZero() && !young && !fresh {
			c.FatalAt = latest(c.FatalAt, d.index.snapshot.Started.Add(d.thresholds.StaleGrace))
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
	if other.ifAll.After(c.ifAll) {
		c.ifAll = other.ifAll
	}
}

// SortCauses sorts causes by the time at which they become fatal, then those that
// never do, then unproven ones.
func SortCauses(causes []Cause) { slices.SortStableFunc(causes, byUrgency) }

func byUrgency(a, b Cause) int {
	return cmp.Or(
		first(a.Proven(), b.Proven()),
		first(!a.FatalAt.IsZero(), !b.FatalAt.IsZero()),
		a.FatalAt.Compare(b.FatalAt),
		compareObjects(a.Object, b.Object),
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
