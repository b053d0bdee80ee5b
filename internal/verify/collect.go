package verify

import (
	"bufio"
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/text"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// Of a log that is not results this is shown if the probe dies.
const (
	tailLines = 5
	inNoise   = 200 // bytes of a line
)

// collect follows the pod's log until each check has its result. A log that
// breaks or is silent is opened anew and read from its beginning: results that
// are known already are passed over.
func (r *run) collect(ctx context.Context, pod string) error {
	limit := probe.AtMost(r.checks) + r.APITimeout
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not every check has a result after %s", probe.InWords(limit)))
	defer cancel()
	var end *corev1.ContainerStateTerminated
	for {
		noise, err := r.readLog(ctx, pod)
		switch {
		case len(r.results) == len(r.checks):
			return nil
		case end != nil && err == nil:
			return r.died(end, noise)
		case err != nil && !isTransient(err):
			return undecided(fmt.Errorf("read the log of the smoke test's pod %s: %w", pod, err))
		}
		probe.Wait(ctx, r.RetryInterval)
		if end, err = r.end(ctx, pod); err != nil {
			return err
		}
	}
}

// readLog takes results from the log until all are there or the log ends. It
// returns the last lines that are none.
func (r *run) readLog(ctx context.Context, pod string) (noise []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.IdleTimeout)
	defer cancel()
	log, err := r.openLog(ctx, pod, containerName, true)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for len(r.results) < len(r.checks) && lines.Scan() {
		if result, ok := probe.ParseLine(lines.Bytes()); ok {
			r.take(ctx, result)
			continue
		}
		noise = append(noise, text.Printable(r.Redact(lines.Text()), inNoise))
		noise = noise[max(0, len(noise)-tailLines):]
	}
	return noise, lines.Err()
}

// take keeps and reports a result, once, if it answers one of the checks.
func (r *run) take(ctx context.Context, result probe.Result) {
	if _, known := r.results[result.ID]; known {
		return
	}
	for _, c := range r.checks {
		if c.ID != result.ID {
			continue
		}
		result.Check = c
		result.Message = r.Redact(result.Message)
		if c.Kind == probe.Policies && result.Outcome != probe.Passed { // an older probe, from verify.image
			result.Outcome, result.Reason, result.Message = probe.Passed, "", probe.UnknownPolicies+result.Message
		}
		if result.Outcome == probe.Failed {
			result.Cause = r.cause(ctx, result)
		}
		r.results[c.ID] = result
		r.reporter.Report(eventOf(result, time.Now()))
		return
	}
}

// eventOf is the result for the display: one line with the latency of the answer,
// which began before all tries that failed.
func eventOf(r probe.Result, now time.Time) event.Event {
	switch r.Outcome {
	case probe.Passed:
		message := r.Message
		if r.Attempts > 1 {
			message += fmt.Sprintf(", at try %d after %s", r.Attempts, probe.InWords(r.Elapsed.Round(100*time.Millisecond)))
		}
		e := event.Finished(r.ID, event.Done, message, r.Latency, 0)
		e.Start = now.Add(-r.Elapsed)
		return e
	case probe.Blocked:
		return event.Finished(r.ID, event.Blocked, r.Message, 0, 0)
	default:
		return event.Finished(r.ID, event.Failed, textOf(r), r.Elapsed, 0)
	}
}

// end is how the probe's process ended, or nil while it runs.
func (r *run) end(ctx context.Context, name string) (*corev1.ContainerStateTerminated, error) {
	pod, err := r.look(ctx, name)
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

// died is the error of a probe whose process ended before its work did.
func (r *run) died(end *corev1.ContainerStateTerminated, noise []string) error {
	text := fmt.Sprintf("the smoke test's process ended after %d of %d checks: %s, exit code %d", len(r.results), len(r.checks), end.Reason, end.ExitCode)
	if end.Message != "" {
		text += ": " + end.Message
	}
	for _, line := range noise {
		text += "\n  " + line
	}
	hint := "is " + r.Image + " an image of this tkdeploy?"
	if strings.Contains(end.Message, "exec format error") {
		hint = r.Image + " is for another CPU architecture than the node's"
	}
	return fault.New(fault.Smoke, fmt.Errorf("%s", text), hint)
}
