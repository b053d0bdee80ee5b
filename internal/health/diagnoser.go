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

// A judge looks for the causes of one workload.
type judge struct {
	*view
	limits   Thresholds
	now      time.Time
	object   Object
	workload metav1.Object
}

// A podJudge looks for the causes that one pod shows.
type podJudge struct {
	*judge
	pod *corev1.Pod
}

// A containerJudge looks for the cause that one container shows.
type containerJudge struct {
	podJudge
	spec   corev1.Container
	status corev1.ContainerStatus
	init   bool
}

// workloadCause is a cause of the workload itself.
func (j *judge) workloadCause(code Reason, since time.Time) Cause {
	return Cause{
		Reason: code, Since: since, born: j.workload.GetCreationTimestamp().Time,
		Command: fmt.Sprintf("kubectl --namespace %s describe %s", j.object.Namespace, kubectlName(j.object)),
	}
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

// scheduled is when the pod got its node, for states that carry no time.
func (c containerJudge) scheduled() time.Time {
	if cond := podCondition(c.pod, corev1.PodScheduled); cond != nil && cond.Status == corev1.ConditionTrue {
		return cond.LastTransitionTime.Time
	}
	return c.pod.CreationTimestamp.Time
}

// stateLine is the container's present state: "waiting, CrashLoopBackOff: …".
func (c containerJudge) stateLine() string {
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
func (c containerJudge) endLines(end *corev1.ContainerStateTerminated) []string {
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

func kubectlName(o Object) string {
	return map[Kind]string{Deployment: "deployment/", StatefulSet: "statefulset/", DaemonSet: "daemonset/", Job: "job/"}[o.Kind] + o.Name
}
