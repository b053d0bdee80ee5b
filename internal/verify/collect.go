package verify

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/sleep"
	"tkdeploy.dev/tkdeploy/internal/text"
	"tkdeploy.dev/tkdeploy/internal/verify/pods"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// Limits of the log shown if the probe terminates early.
const (
	tailLines    = 5
	maxTailBytes = 200
)

// collect follows the pod's log until each check has a result. It rereads a log
// that breaks or stays silent.
func (r *run) collect(ctx context.Context, pod string) error {
	client := r.pods.Client
	timeout := probe.MaxDuration(r.checks) + client.APITimeout
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("results missing after %s", timeout))
	defer cancel()
	var end *corev1.ContainerStateTerminated
	for {
		tail, err := r.readLog(ctx, pod)
		switch {
		case len(r.results) == len(r.checks):
			return nil
		case end != nil && err == nil:
			return r.terminatedEarly(end, tail)
		case err != nil && !pods.IsTransient(err):
			return pods.Inconclusive(fmt.Errorf("read the log of %s %s: %w", r.pods.Subject, pod, err))
		}
		sleep.For(ctx, client.RetryInterval)
		if end, err = r.termination(ctx, pod); err != nil {
			return err
		}
	}
}

// readLog returns the last lines that are not results.
func (r *run) readLog(ctx context.Context, pod string) (tail []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.pods.Client.IdleTimeout)
	defer cancel()
	log, err := r.pods.Log(ctx, pod, containerName, true)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for len(r.results) < len(r.checks) && lines.Scan() {
		if result, ok := probe.ParseLine(lines.Bytes()); ok {
			r.record(ctx, result)
			continue
		}
		tail = append(tail, text.Printable(r.pods.Client.Redact(lines.Text()), maxTailBytes))
		tail = tail[max(0, len(tail)-tailLines):]
	}
	return tail, lines.Err()
}

func (r *run) record(ctx context.Context, result probe.Result) {
	if _, known := r.results[result.ID]; known {
		return
	}
	for _, c := range r.checks {
		if c.ID != result.ID {
			continue
		}
		result.Check = c
		result.Message = r.pods.Client.Redact(result.Message)
		if c.Kind == probe.Policies && result.Outcome != probe.Passed { // from an older probe in verify.image
			result.Outcome, result.Reason, result.Message = probe.Passed, "", probe.UnknownPolicies+result.Message
		}
		if result.Outcome == probe.Failed {
			result.Cause = r.runner.cause(ctx, result)
		}
		r.results[c.ID] = result
		r.reporter.Report(eventOf(result, time.Now()))
		return
	}
}

// eventOf reports the latency of the last attempt, but the start of the first one.
func eventOf(r probe.Result, now time.Time) event.Event {
	switch r.Outcome {
	case probe.Passed:
		message := r.Message
		if r.Attempts > 1 {
			message += fmt.Sprintf(" (attempt %d, after %s)", r.Attempts, r.Elapsed.Round(100*time.Millisecond))
		}
		e := event.Finished(r.ID, event.Done, message, r.Latency, 0)
		e.Start = now.Add(-r.Elapsed)
		return e
	case probe.Blocked:
		return event.Finished(r.ID, event.Blocked, r.Message, 0, 0)
	default:
		return event.Finished(r.ID, event.Failed, describe(r), r.Elapsed, 0)
	}
}

// termination returns nil while the probe is running.
func (r *run) termination(ctx context.Context, name string) (*corev1.ContainerStateTerminated, error) {
	pod, err := r.pods.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Terminated != nil {
			return c.State.Terminated, nil
		}
	}
	if pod.Status.Phase == corev1.PodFailed {
		return &corev1.ContainerStateTerminated{Reason: pod.Status.Reason, Message: pod.Status.Message, ExitCode: -1}, nil
	}
	return nil, nil
}

func (r *run) terminatedEarly(end *corev1.ContainerStateTerminated, tail []string) error {
	message := fmt.Sprintf("%s terminated after %d of %d checks: %s, exit code %d", r.pods.Subject, len(r.results), len(r.checks), end.Reason, end.ExitCode)
	if end.Message != "" {
		message += ": " + end.Message
	}
	for _, line := range tail {
		message += "\n  " + line
	}
	image := r.runner.options.Image
	hint := "check that " + image + " is a probe image of this version of tkdeploy"
	if strings.Contains(end.Message, "exec format error") {
		hint = "replace " + image + ", which is built for another CPU architecture"
	}
	return fault.New(fault.Smoke, errors.New(message), hint)
}
