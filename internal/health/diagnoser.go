package health

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tkdeploy.dev/tkdeploy/internal/health/events"
	"tkdeploy.dev/tkdeploy/internal/health/exits"
	"tkdeploy.dev/tkdeploy/internal/text"
)

type diagnoser struct {
	index      *index
	thresholds Thresholds
	now        time.Time
	object     Object
	workload   metav1.Object // nil if it does not exist
}

type podDiagnoser struct {
	d   *diagnoser
	pod *corev1.Pod
}

type containerDiagnoser struct {
	d      *diagnoser
	pod    *corev1.Pod
	spec   corev1.Container
	status corev1.ContainerStatus
	init   bool
}

// workloadCause returns a cause that is not fatal; see [Cause.after].
func (d *diagnoser) workloadCause(reason Reason, since time.Time) Cause {
	return Cause{
		Reason: reason, Since: since, born: d.workload.GetCreationTimestamp().Time,
		Command: kubectl(d.object.Namespace, "describe", kubectlName(d.object)),
	}
}

func (p podDiagnoser) cause(reason Reason, subject string, since time.Time) Cause {
	c := Cause{
		Reason: reason, subject: subject, Pods: []string{p.pod.Name},
		Since: since, born: p.pod.CreationTimestamp.Time,
		Command: kubectl(p.pod.Namespace, "describe", "pod", p.pod.Name),
	}
	if p.pod.Spec.NodeName != "" {
		c.Nodes = []string{p.pod.Spec.NodeName}
	}
	return c
}

func (p podDiagnoser) events(match func(*corev1.Event) bool) events.Summary {
	return p.d.index.summarize(p.pod.UID, match)
}

func (c containerDiagnoser) cause(reason Reason, subject string, since time.Time) Cause {
	return podDiagnoser{c.d, c.pod}.cause(reason, subject, since)
}

func (c containerDiagnoser) events(reason, text string) events.Summary {
	return c.d.index.summarize(c.pod.UID, events.WithContainerReason(c.spec.Name, reason, text))
}

// scheduled returns when the pod was scheduled, for states without a time.
func (c containerDiagnoser) scheduled() time.Time {
	if cond := podCondition(c.pod, corev1.PodScheduled); cond != nil && cond.Status == corev1.ConditionTrue {
		return cond.LastTransitionTime.Time
	}
	return c.pod.CreationTimestamp.Time
}

// stateLine formats the state: "waiting, CrashLoopBackOff: …".
func (c containerDiagnoser) stateLine() string {
	switch s := c.status.State; {
	case s.Waiting != nil && s.Waiting.Message != "":
		return fmt.Sprintf("waiting, %s: %s", s.Waiting.Reason, withoutPod(s.Waiting.Message))
	case s.Waiting != nil:
		return "waiting, " + cmp.Or(s.Waiting.Reason, "no reason given")
	case s.Running != nil:
		return fmt.Sprintf("running since %s, not ready", clock(s.Running.StartedAt.Time))
	case s.Terminated != nil:
		return "terminated, " + cmp.Or(s.Terminated.Reason, "no reason given")
	}
	return "unknown"
}

// endLines formats the state and last run without repeating a message.
func (c containerDiagnoser) endLines(end *corev1.ContainerStateTerminated) []string {
	if c.status.State.Terminated != nil {
		return []string{exits.Line(end)}
	}
	if w := c.status.State.Waiting; w != nil && w.Message == end.Message {
		short := *end
		short.Message = ""
		end = &short
	}
	return []string{c.stateLine(), exits.Line(end)}
}

// withoutPod removes the pod's name and UID: causes must be equal to be merged.
func withoutPod(message string) string {
	return podSuffix.ReplaceAllString(text.OneLine(message), "")
}

var podSuffix = regexp.MustCompile(` (\(pod: "|pod=).*$`)

func clock(t time.Time) string { return t.UTC().Format("15:04:05 UTC") }

func kubectl(namespace string, args ...string) []string {
	if namespace == "" {
		return args
	}
	return append([]string{"--namespace", namespace}, args...)
}

func kubectlName(o Object) string { return strings.ToLower(string(o.Kind)) + "/" + o.Name }
