package health

import (
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Classify says what keeps the snapshot's workloads from being ready: one cause
// for each reason and workload, the most urgent first. It only looks at the
// snapshot: the same snapshot and time give the same causes. A workload that is
// ready has none; one that is not may have none either, when all goes well.
func Diagnose(s Snapshot, limits Thresholds, now time.Time) []Cause {
	v := newView(s)
	var causes []Cause
	for _, o := range s.Objects {
		if v.measure(o, limits, now).State != Ready {
			causes = append(causes, v.causes(o, limits, now)...)
		}
	}
	SortCauses(causes)
	return causes
}

// A judge looks for the causes of one workload.
type judge struct {
	*view
	limits   Thresholds
	now      time.Time
	object   Object
	workload metav1.Object
}

func (v *view) causes(o Object, limits Thresholds, now time.Time) []Cause {
	j := judge{view: v, limits: limits, now: now, object: o, workload: v.workloads[o]}
	if j.workload == nil {
		return j.settle(j.absent())
	}
	pods := v.newPods(j.workload)
	var found []Cause
	for _, pod := range pods {
		found = append(found, j.settle(j.pod(pod))...)
	}
	return append(merge(found, len(pods)), j.settle(j.controller(pods))...)
}

// settle completes the causes: what every one has, and the grace for evidence
// that is older than the wait.
func (j *judge) settle(causes []Cause) []Cause {
	for i := range causes {
		c := &causes[i]
		c.Object, c.ObservedAt = j.object, j.now
		young := c.born.Add(j.limits.NewPodAge).After(j.Started)
		fresh := c.evidence.After(j.Started)
		if !c.FatalAt.IsZero() && !j.Started.IsZero() && !young && !fresh {
			c.FatalAt = latest(c.FatalAt, j.Started.Add(j.limits.StaleGrace))
		}
	}
	return causes
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (j *judge) absent() []Cause {
	since := j.Started
	if since.IsZero() {
		since = j.now
	}
	return []Cause{{
		Reason:  NotFound,
		Message: "does not exist",
		Hint:    "It was deleted after it was applied, or never applied: run the deployment again.",
		Command: fmt.Sprintf("kubectl --namespace %s get %s", j.object.Namespace, kubectlName(j.object)),
		Since:   since, FatalAt: since.Add(j.limits.Absent), evidence: j.now,
	}}
}

// pod lists the causes that one new pod shows. The stages of a pod's life are
// looked at in their order; the first that does not get on is the cause.
func (j *judge) pod(pod *corev1.Pod) []Cause {
	if PodReady(pod) || pod.Status.Phase == corev1.PodSucceeded {
		return nil
	}
	p := podJudge{judge: j, pod: pod}
	steps := []func() []Cause{p.failed, p.scheduling, p.node, p.initContainers, p.containers, p.volumes, p.sandbox, p.gates}
	for _, step := range steps {
		if found := step(); len(found) > 0 {
			return found
		}
	}
	return nil
}

// A podJudge looks for the causes that one pod shows.
type podJudge struct {
	*judge
	pod *corev1.Pod
}

// cause is a cause of this pod. It is never fatal unless [Cause.after] says when.
func (p podJudge) cause(code Reason, subject string, since time.Time) Cause {
	c := Cause{
		Reason: code, subject: subject, Pods: []string{p.pod.Name},
		Since: since, born: p.pod.CreationTimestamp.Time,
		Command: fmt.Sprintf("kubectl --namespace %s describe pod %s", p.pod.Namespace, p.pod.Name),
	}
	if p.pod.Spec.NodeName != "" {
		c.Nodes = []string{p.pod.Spec.NodeName}
	}
	return c
}

func PodReady(pod *corev1.Pod) bool {
	c := podCondition(pod, corev1.PodReady)
	return c != nil && c.Status == corev1.ConditionTrue
}

func podCondition(pod *corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == kind {
			return &pod.Status.Conditions[i]
		}
	}
	return nil
}

func isJob(workload metav1.Object) bool {
	_, ok := workload.(*batchv1.Job)
	return ok
}

func kubectlName(o Object) string {
	return map[Kind]string{Deployment: "deployment/", StatefulSet: "statefulset/", DaemonSet: "daemonset/", Job: "job/"}[o.Kind] + o.Name
}
