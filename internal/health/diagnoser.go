package health

import (
	"cmp"
	"fmt"
	"regexp"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// A diagnoser looks for the causes of one workload.
type diagnoser struct {
	index      *index
	thresholds Thresholds
	now        time.Time
	object     Object
	workload   metav1.Object // nil if it does not exist
}

// A podDiagnoser looks for the causes that one pod shows.
type podDiagnoser struct {
	d   *diagnoser
	pod *corev1.Pod
}

// A containerDiagnoser looks for the cause that one container shows.
type containerDiagnoser struct {
	d      *diagnoser
	pod    *corev1.Pod
	spec   corev1.Container
	status corev1.ContainerStatus
	init   bool
}

// workloadCause is a cause of the workload itself.
func (d *diagnoser) workloadCause(reason Reason, since time.Time) Cause {
	return Cause{
		Reason: reason, Since: since, born: d.workload.GetCreationTimestamp().Time,
		Command: kubectl(d.object.Namespace, "describe", kubectlName(d.object)),
	}
}

// cause is a cause of this pod. It is never fatal unless [Cause.after] says when.
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

// events summarizes the events about the pod that match.
func (p podDiagnoser) events(match func(*corev1.Event) bool) eventSummary {
	return p.d.index.summarize(p.pod.UID, match)
}

// cause returns a cause of this container.
func (c containerDiagnoser) cause(reason Reason, subject string, since time.Time) Cause {
	return podDiagnoser{c.d, c.pod}.cause(reason, subject, since)
}

// events summarizes the events about the container with a reason and a text.
func (c containerDiagnoser) events(reason, text string) eventSummary {
	return c.d.index.summarize(c.pod.UID, withContainerReason(c.spec.Name, reason, text))
}

// scheduled is when the pod got its node, for states that carry no time.
func (c containerDiagnoser) scheduled() time.Time {
	if cond := podCondition(c.pod, corev1.PodScheduled); cond != nil && cond.Status == corev1.ConditionTrue {
		return cond.LastTransitionTime.Time
	}
	return c.pod.CreationTimestamp.Time
}

// stateLine is the container's present state: "waiting, CrashLoopBackOff: …".
func (c containerDiagnoser) stateLine() string {
	switch s := c.status.State; {
	case s.Waiting != nil && s.Waiting.Message != "":
		return fmt.Sprintf("waiting, %s: %s", s.Waiting.Reason, withoutPod(s.Waiting.Message))
	case s.Waiting != nil:
		return "waiting, " + cmp.Or(s.Waiting.Reason, "no reason given")
	case s.Running != nil:
		return fmt.Sprintf("running since %s, not ready", clock(s.Running.StartedAt.Time))
	case s.Terminated != nil:
		return "ended, " + cmp.Or(s.Terminated.Reason, "no reason given")
	}
	return "unknown"
}

// endLines are the container's state and how its last run ended, without saying
// the same twice.
func (c containerDiagnoser) endLines(end *corev1.ContainerStateTerminated) []string {
	if c.status.State.Terminated != nil {
		return []string{endLine(end)}
	}
	if w := c.status.State.Waiting; w != nil && w.Message == end.Message {
		short := *end
		short.Message = ""
		end = &short
	}
	return []string{c.stateLine(), endLine(end)}
}

// endLine is how a run ended: "the last run ended with status 1 after 3s: …".
func endLine(end *corev1.ContainerStateTerminated) string {
	line := "the last run ended: " + exitText(end)
	if end.Reason != "" && end.Reason != "Error" && !cannotStart(end) {
		line += ", " + end.Reason
	}
	if ran := end.FinishedAt.Sub(end.StartedAt.Time); !end.StartedAt.IsZero() && end.StartedAt.Unix() > 0 && ran >= 0 {
		line += fmt.Sprintf(" after %s", ran.Round(time.Second))
	}
	if end.Message != "" {
		line += ": " + text.OneLine(end.Message)
	}
	return line
}

func exitText(end *corev1.ContainerStateTerminated) string {
	if cannotStart(end) {
		return "it could not be started"
	}
	if name := signals[end.ExitCode]; name != "" {
		return fmt.Sprintf("exit status %d (%s)", end.ExitCode, name)
	}
	return fmt.Sprintf("exit status %d", end.ExitCode)
}

// signals are the exit codes 128+n of the signals that tell a story.
var signals = map[int32]string{
	132: "illegal instruction", 134: "abort", 135: "bus error", 136: "arithmetic error", 137: "SIGKILL",
	139: "segmentation fault", 143: "SIGTERM",
}

// cannotStart: the runtime could not start the process at all. The kubelet
// writes exit code 128 and a reason for that.
func cannotStart(end *corev1.ContainerStateTerminated) bool {
	return end.Reason == "StartError" || end.Reason == "ContainerCannotRun"
}

// withoutPod cuts off where the kubelet repeats the pod's name and uid: the same
// words then stand for all pods.
func withoutPod(message string) string {
	return podSuffix.ReplaceAllString(text.OneLine(message), "")
}

var podSuffix = regexp.MustCompile(` (\(pod: "|pod=).*$`)

func clock(t time.Time) string { return t.UTC().Format("15:04:05 UTC") }

// kubectl returns the arguments of a kubectl command in a namespace.
func kubectl(namespace string, args ...string) []string {
	return append([]string{"--namespace", namespace}, args...)
}

func kubectlName(o Object) string {
	return map[Kind]string{Deployment: "deployment/", StatefulSet: "statefulset/", DaemonSet: "daemonset/", Job: "job/"}[o.Kind] + o.Name
}
