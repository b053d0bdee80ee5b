package pods

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// AwaitStart waits until a container of the pod is running or has terminated.
// Errors have class [fault.Smoke] if the reason is known, otherwise
// [fault.Inconclusive].
func (r *Runner) AwaitStart(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	pod, started, err := r.Watcher(pod.Name).Until(ctx, pod, r.Client.StartTimeout, r.started)
	if err == nil && !started {
		err = r.startTimeout(ctx, pod)
	}
	return pod, err
}

func (r *Runner) started(pod *corev1.Pod) (bool, error) {
	for _, c := range Statuses(pod) {
		if HasRun(c) {
			return true, nil
		}
	}
	if pod.Status.Phase == corev1.PodFailed {
		return false, r.notStarted(pod, pod.Status.Reason, pod.Status.Message)
	}
	return false, r.Stuck(pod)
}

// Stuck returns an error if a container of the pod will not start.
func (r *Runner) Stuck(pod *corev1.Pod) error {
	for _, c := range Statuses(pod) {
		waiting := c.State.Waiting
		switch {
		case waiting == nil:
		case cannotPull(waiting.Reason):
			err := fmt.Errorf("%s %s did not start: image %s is not on node %s and cannot be pulled: %s",
				r.Subject, pod.Name, imageOf(pod, c.Name), pod.Spec.NodeName, waiting.Message)
			return fault.New(fault.Smoke, err, r.PullHint)
		case cannotCreate(waiting.Reason):
			return r.notStarted(pod, waiting.Reason, waiting.Message)
		}
	}
	return nil
}

func (r *Runner) notStarted(pod *corev1.Pod, reason, message string) error {
	err := fmt.Errorf("%s %s did not start: %s: %s", r.Subject, pod.Name, reason, message)
	return fault.New(fault.Smoke, err, r.eventsHint(pod))
}

// startTimeout quotes the message of a container, of the scheduler, or of the
// newest warning.
func (r *Runner) startTimeout(ctx context.Context, pod *corev1.Pod) error {
	late := fmt.Sprintf("%s %s did not start within %s", r.Subject, pod.Name, r.Client.StartTimeout)
	for _, c := range Statuses(pod) {
		if w := c.State.Waiting; w != nil && w.Message != "" {
			return fault.New(fault.Smoke, fmt.Errorf("%s: %s: %s", late, w.Reason, w.Message), r.eventsHint(pod))
		}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return fault.New(fault.Smoke, fmt.Errorf("%s: %s: %s", late, c.Reason, c.Message), r.eventsHint(pod))
		}
	}
	warning, err := r.LastWarning(ctx, pod.Name)
	if err != nil || warning == "" {
		return Inconclusive(errors.Join(errors.New(late), err))
	}
	return fault.New(fault.Smoke, fmt.Errorf("%s: %s", late, warning), r.eventsHint(pod))
}

// LastWarning returns the newest Warning event about the object, or "".
func (r *Runner) LastWarning(ctx context.Context, name string) (string, error) {
	var events *corev1.EventList
	selector := fields.Set{"involvedObject.name": name, "type": corev1.EventTypeWarning}.String()
	err := r.Client.Retry(ctx, "list the events of "+name, func(ctx context.Context) (err error) {
		events, err = r.Client.API.CoreV1().Events(r.Namespace).List(ctx, metav1.ListOptions{FieldSelector: selector})
		return err
	})
	if err != nil || len(events.Items) == 0 {
		return "", err
	}
	last := events.Items[0]
	for _, e := range events.Items[1:] {
		if e.LastTimestamp.After(last.LastTimestamp.Time) {
			last = e
		}
	}
	return last.Reason + ": " + last.Message, nil
}

func (r *Runner) eventsHint(pod *corev1.Pod) string {
	return fmt.Sprintf("check its events: %s -n %s get events --field-selector involvedObject.name=%s", r.Client.Kubectl, r.Namespace, pod.Name)
}

// WarnRetry warns that a pod is created again after a [StartError].
func (r *Runner) WarnRetry(subject, startError string) {
	cause := text.Printable(r.Client.Redact(startError), text.MaxMessage)
	r.Reporter.Report(event.Warn(subject + " could not be started, creating it again: " + cause))
}
