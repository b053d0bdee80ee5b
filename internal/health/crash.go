package health

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/health/events"
	"tkdeploy.dev/tkdeploy/internal/health/exits"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// Messages of containerd with runc.
var (
	wrongFormat = regexp.MustCompile(`exec format error`)
	outOfMemory = regexp.MustCompile(`OOM-killed|oom-kill`)
	execPath    = regexp.MustCompile(`exec:? "([^"]+)"`)
)

func (c containerDiagnoser) crashed() (Cause, bool) {
	end := lastEnd(c.status)
	if end == nil || c.status.State.Running != nil || end.ExitCode == 0 && isJob(c.d.workload) {
		return Cause{}, false
	}
	var found Cause
	switch message := end.Message + c.waitingMessage(); {
	case end.Reason == "OOMKilled" || outOfMemory.MatchString(message):
		found = c.outOfMemory(end)
	case exits.CannotStart(end) && wrongFormat.MatchString(message):
		found = c.badCommand(end, ExecFormat)
	case exits.CannotStart(end) && exits.NotExecutable.MatchString(message), end.ExitCode == 126, end.ExitCode == 127:
		found = c.badCommand(end, BadCommand)
	default:
		found = c.crashLoop(end)
	}
	if job, ok := c.d.workload.(*batchv1.Job); ok && !exits.CannotStart(end) {
		c.leaveToJob(&found, job)
	}
	found.evidence, found.run, found.attempts = end.FinishedAt.Time, end.StartedAt.Time, c.tries()
	found.Since = earliest(found.Since, c.crashing(end))
	if !exits.CannotStart(end) {
		c.setLog(&found)
	}
	return found, true
}

// leaveToJob makes the cause not fatal: the Job's backoffLimit decides.
func (c containerDiagnoser) leaveToJob(found *Cause, job *batchv1.Job) {
	found.FatalAt, found.ifAll = time.Time{}, time.Time{}
	found.Waiting = "waiting for the Job to retry or give up"
	if found.Reason == CrashLoop {
		found.Message = exits.Text(lastEnd(c.status))
	}
	if limit := job.Spec.BackoffLimit; limit != nil {
		found.Detail = append(found.Detail, fmt.Sprintf("backoffLimit %d", *limit))
	}
}

func (c containerDiagnoser) setLog(found *Cause) {
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

// crashing returns when the container began to crash. The kubelet reports the
// first back-off after the second crash, which directly follows the first.
func (c containerDiagnoser) crashing(end *corev1.ContainerStateTerminated) time.Time {
	return earliest(end.FinishedAt.Time, c.events("BackOff", "restarting failed container").First)
}

func (c containerDiagnoser) tries() int32 {
	return c.d.index.restarts(c.pod, c.status) + 1
}

func (c containerDiagnoser) crashLoop(end *corev1.ContainerStateTerminated) Cause {
	found := c.cause(CrashLoop, "", end.FinishedAt.Time)
	found.remedy = readyRelease
	switch restarts := c.tries() - 1; {
	case restarts >= c.d.thresholds.CrashRestarts:
		found.FatalAt = end.FinishedAt.Time
	case restarts >= c.d.thresholds.CrashRestarts-1:
		found.ifAll = latest(end.FinishedAt.Add(c.d.thresholds.CrashRepeat), c.crashing(end).Add(c.d.thresholds.Crashing))
	case c.status.RestartCount >= c.d.thresholds.CrashRestarts: // the next attempt may be minutes away
		found.FatalAt = c.d.index.snapshot.Started.Add(c.d.thresholds.StaleGrace)
	}
	found.Message = fmt.Sprintf("keeps crashing: %s, %s", exits.Text(end), text.Plural(c.status.RestartCount, "restart"))
	if c.status.RestartCount == 0 {
		found.Message = "crashed: " + exits.Text(end)
	}
	found.Hint = "check the log: the process exits on its own"
	if end.ExitCode == 0 {
		found.Message = fmt.Sprintf("keeps exiting with code 0, %s", text.Plural(c.status.RestartCount, "restart"))
		found.Hint = "keep the process running in the foreground: a workload's container must not exit"
	}
	if limit, ok := c.spec.Resources.Limits[corev1.ResourceMemory]; ok && end.ExitCode == 128+9 {
		// containerd does not always notice an OOM kill in time
		found.Hint = fmt.Sprintf("raise resources.limits.memory of container %s (now %s), or check the log: SIGKILL without a failed probe usually means the memory limit", c.spec.Name, limit.String())
	}
	found.Detail = c.endLines(end)
	if killed := c.killedByProbe(); killed.Seen() {
		found.Reason = LivenessFailed
		kind, probe := "Liveness", c.spec.LivenessProbe
		if strings.Contains(killed.Message, "startup probe") {
			kind, probe = "Startup", c.spec.StartupProbe
		}
		found.Message = fmt.Sprintf("restarted by the kubelet: %s probe failed, %s", strings.ToLower(kind), text.Plural(c.status.RestartCount, "restart"))
		found.Detail = append(found.Detail, c.probeLines(kind, probe)...)
		found.Hint = "fix the health endpoint, or allow more time to start (startupProbe, failureThreshold)"
	}
	return found
}

func (c containerDiagnoser) killedByProbe() events.Summary {
	return c.events("Killing", "probe, will be restarted")
}

func (c containerDiagnoser) outOfMemory(end *corev1.ContainerStateTerminated) Cause {
	found := c.cause(OOMKilled, "", end.FinishedAt.Time)
	if c.tries() >= c.d.thresholds.MemoryTries {
		found = found.after(0)
	}
	limit := "no container limit (the node or the pod ran out)"
	found.Hint = "give the container more memory, or find out why it needs that much"
	if q, ok := c.spec.Resources.Limits[corev1.ResourceMemory]; ok {
		limit = "memory limit is " + q.String()
		found.Hint = fmt.Sprintf("raise resources.limits.memory of container %s in the chart's values (now %s), or find out why it needs more", c.spec.Name, q.String())
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
	found.Message = "cannot start command " + cmp.Or(text.OneLine(command), "of the image")
	found.Hint = "fix command and args in the chart, or ENTRYPOINT and CMD in the Dockerfile: the file must be in the image and executable"
	if reason == ExecFormat {
		found.Message += ": built for another CPU architecture"
		found.Hint = "build the image for the node's architecture"
	} else if !exits.CannotStart(end) {
		found.Message = fmt.Sprintf("exit code %d: a command that it runs is missing or not executable", end.ExitCode)
	}
	found.Detail = c.endLines(end)
	return found
}

// RefineByLog changes a crash loop to [ExecFormat] if the log shows a program
// that is built for another CPU architecture.
func (c *Cause) RefineByLog(log string) {
	if c.Reason == CrashLoop && wrongFormat.MatchString(log) {
		c.Reason = ExecFormat
		c.Message = "the program is built for another CPU architecture"
		c.Hint = "build the image for the node's architecture"
	}
}
