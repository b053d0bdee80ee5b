package health

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Classify says what keeps the snapshot's workloads from being ready: one cause
// for each reason and workload, the most urgent first. It only looks at the
// snapshot: the same snapshot and time give the same causes. A workload that is
// ready has none; one that is not may have none either, when all goes well.
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
		Hint:    "It was deleted after it was applied, or never applied: run the deployment again.",
		Command: kubectl(d.object.Namespace, "get", kubectlName(d.object)),
		Since:   since, FatalAt: since.Add(d.thresholds.Absent), evidence: d.now,
	}}
}

// pod lists the causes that one new pod shows. The stages of a pod's life are
// looked at in their order; the first that does not get on is the cause.
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

// settle completes the causes: what every one has, and the grace for evidence
// that is older than the wait.
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

// merge makes one cause of those that differ only in the pod. It keeps the
// order in which they first appear; newPods is how many pods could have it.
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

// SortCauses sorts causes by urgency: fatal ones first.
func SortCauses(causes []Cause) { slices.SortStableFunc(causes, byUrgency) }

// byUrgency orders fatal causes first, then those that will be, then those of
// which nothing is proven.
func byUrgency(a, b Cause) int {
	return cmp.Or(
		first(a.Proven(), b.Proven()),
		first(!a.FatalAt.IsZero(), !b.FatalAt.IsZero()),
		a.FatalAt.Compare(b.FatalAt),
		compareObjects(a.Object, b.Object),
	)
}

// first orders what holds before what does not.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}
