package health

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// The runtime's words (containerd with runc) for a process that cannot start.
var (
	notExecutable = regexp.MustCompile(`executable file not found|no such file or directory|permission denied|not a directory|is a directory`)
	wrongFormat   = regexp.MustCompile(`exec format error`)
	outOfMemory   = regexp.MustCompile(`OOM-killed|oom-kill`)
	execPath      = regexp.MustCompile(`exec:? "([^"]+)"`)
)

// crashed judges a container that is down and has run before.
func (c containerDiagnoser) crashed() (Cause, bool) {
	end := lastEnd(c.status)
	if end == nil || c.status.State.Running != nil {
		return Cause{}, false
	}
	var found Cause
	switch text := end.Message + c.waitingMessage(); {
	case end.Reason == "OOMKilled" || outOfMemory.MatchString(text):
		found = c.outOfMemory(end)
	case cannotStart(end) && wrongFormat.MatchString(text):
		found = c.badCommand(end, ExecFormat)
	case cannotStart(end) && notExecutable.MatchString(text), end.ExitCode == 126, end.ExitCode == 127:
		found = c.badCommand(end, BadCommand)
	case isJob(c.d.workload):
		return Cause{}, false // its backoffLimit decides
	default:
		found = c.crashLoop(end)
	}
	found.evidence = end.FinishedAt.Time
	found.Since = earliest(found.Since, c.crashing(end))
	if !cannotStart(end) {
		c.pointAtLog(&found)
	}
	return found, true
}

// pointAtLog names the log of the run that crashed.
func (c containerDiagnoser) pointAtLog(found *Cause) {
	found.Log = &Log{Pod: c.pod.Name, Container: c.spec.Name, Previous: c.status.State.Terminated == nil}
	found.Command = kubectl(c.pod.Namespace, "logs", c.pod.Name, "--container", c.spec.Name)
	if found.Log.Previous {
		found.Command = append(found.Command, "--previous")
	}
}

func (c containerDiagnoser) waitingMessage() string {
	if w := c.status.State.Waiting; w != nil {
		return " " + w.Message
	}
	return ""
}

// crashing is since when the container crashes: the kubelet tells of its first
// back-off right after the second crash, which follows the first at once.
func (c containerDiagnoser) crashing(end *corev1.ContainerStateTerminated) time.Time {
	return earliest(end.FinishedAt.Time, c.events("BackOff", "restarting failed container").first)
}

// tries counts the runs that this wait may judge: the container's restarts
// since the wait began, and its last run.
func (c containerDiagnoser) tries() int32 {
	return c.d.index.restarts(c.pod, c.status) + 1
}

func (c containerDiagnoser) crashLoop(end *corev1.ContainerStateTerminated) Cause {
	found := c.cause(CrashLoop, "", end.FinishedAt.Time)
	switch restarts := c.tries() - 1; {
	case restarts >= c.d.thresholds.CrashRestarts:
		found.FatalAt = end.FinishedAt.Time
	case restarts >= c.d.thresholds.CrashRestarts-1:
		found.ifAll = latest(end.FinishedAt.Add(c.d.thresholds.CrashRepeat), c.crashing(end).Add(c.d.thresholds.Crashing))
	case c.status.RestartCount >= c.d.thresholds.CrashRestarts: // it crashed before the wait; its next try may be minutes away
		found.FatalAt = c.d.index.snapshot.Started.Add(c.d.thresholds.StaleGrace)
	}
	found.Message = fmt.Sprintf("the container keeps crashing: %s, %s", exitText(end), text.Plural(c.status.RestartCount, "restart"))
	found.Hint = "Read the log: the process ends by itself."
	if end.ExitCode == 0 {
		found.Message = fmt.Sprintf("the container's process ends by itself with status 0, %s", text.Plural(c.status.RestartCount, "restart"))
		found.Hint = "A workload's process must keep running in the foreground."
	}
	if limit, ok := c.spec.Resources.Limits[corev1.ResourceMemory]; ok && end.ExitCode == 128+9 {
		// containerd does not always hear in time of a kill for want of memory
		found.Hint = fmt.Sprintf("SIGKILL without a failed probe is mostly the memory limit, %s. Raise resources.limits.memory of container %s, or read the log.", limit.String(), c.spec.Name)
	}
	found.Detail = c.endLines(end)
	if killed := c.killedByProbe(); killed.seen() {
		found.Reason = LivenessFailed
		kind, probe := "Liveness", c.spec.LivenessProbe
		if strings.Contains(killed.message, "startup probe") {
			kind, probe = "Startup", c.spec.StartupProbe
		}
		found.Message = fmt.Sprintf("the kubelet restarts the container: its %s probe fails, %s", strings.ToLower(kind), text.Plural(c.status.RestartCount, "restart"))
		found.Detail = append(found.Detail, c.probeLines(kind, probe)...)
		found.Hint = "Fix the health answer, or give the container more time to start (startupProbe, failureThreshold)."
	}
	return found
}

// killedByProbe are the kubelet's kills that followed from a failed probe.
func (c containerDiagnoser) killedByProbe() eventSummary {
	return c.events("Killing", "probe, will be restarted")
}

func (c containerDiagnoser) outOfMemory(end *corev1.ContainerStateTerminated) Cause {
	found := c.cause(OOMKilled, "", end.FinishedAt.Time)
	if c.tries() >= c.d.thresholds.MemoryTries {
		found = found.after(0)
	}
	limit := "no limit of its own: the node or the pod is out of memory"
	found.Hint = "Give the container more memory, or find out why it needs it."
	if q, ok := c.spec.Resources.Limits[corev1.ResourceMemory]; ok {
		limit = "the container's memory limit is " + q.String()
		found.Hint = fmt.Sprintf("Raise resources.limits.memory of container %s in the chart's values (now %s), or find out why it needs more.", c.spec.Name, q.String())
	}
	found.Message = fmt.Sprintf("out of memory: %s, %s", limit, text.Plural(c.status.RestartCount, "restart"))
	found.Detail = c.endLines(end)
	return found
}

func (c containerDiagnoser) badCommand(end *corev1.ContainerStateTerminated, reason Reason) Cause {
	grace := c.d.thresholds.Command
	if c.tries() >= c.d.thresholds.CommandTries {
		grace = 0
	}
	found := c.cause(reason, "", end.FinishedAt.Time).after(grace)
	command := strings.Join(append(append([]string{}, c.spec.Command...), c.spec.Args...), " ")
	if m := execPath.FindStringSubmatch(end.Message); m != nil {
		command = m[1]
	}
	found.Message = fmt.Sprintf("the command %s cannot be started", cmp.Or(text.OneLine(command), "of the image"))
	found.Hint = "Fix command and args in the chart, or ENTRYPOINT and CMD in the Dockerfile: the file must be in the image and executable."
	if reason == ExecFormat {
		found.Message += ": it is for another CPU architecture"
		found.Hint = "Build the image for the node's architecture."
	} else if !cannotStart(end) {
		found.Message = fmt.Sprintf("the container ends with status %d: a command that it runs is not there or not executable", end.ExitCode)
	}
	found.Detail = c.endLines(end)
	return found
}

// RefineByLog corrects a crash loop whose log says that the program is for
// another architecture.
func (c *Cause) RefineByLog(text string) {
	if c.Reason == CrashLoop && wrongFormat.MatchString(text) {
		c.Reason = ExecFormat
		c.Message = "the program is for another CPU architecture"
		c.Hint = "Build the image for the node's architecture."
	}
}
