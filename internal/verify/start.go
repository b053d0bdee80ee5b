package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	watchapi "k8s.io/apimachinery/pkg/watch"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// awaitStart returns when the pod's process runs or ran, so that there is a
// log. It watches; where the watch does not tell more, it asks.
func (r *run) awaitStart(ctx context.Context, pod *corev1.Pod) error {
	deadline := time.Now().Add(r.StartWithin)
	for time.Now().Before(deadline) {
		if started, err := r.watchStart(ctx, pod, time.Until(deadline)); started || err != nil {
			return err
		}
		var err error
		if pod, err = r.look(ctx, pod.Name); err != nil {
			return err
		}
		if started, err := r.started(pod); started || err != nil {
			return err
		}
	}
	return r.neverStarted(ctx, pod)
}

// watchStart watches the pod from the given state on, until it started, cannot
// start, or the watch broke, was silent or told that the pod is deleted.
func (r *run) watchStart(ctx context.Context, pod *corev1.Pod, within time.Duration) (started bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, min(within, r.Silence))
	defer cancel()
	watch, err := r.Client.CoreV1().Pods(r.Namespace).Watch(ctx, metav1.ListOptions{
		FieldSelector:   fields.OneTermEqualSelector("metadata.name", pod.Name).String(),
		ResourceVersion: pod.ResourceVersion,
	})
	if err != nil {
		wait(ctx, r.Pause)
		return false, nil // look tells whether the API server is away
	}
	defer watch.Stop()
	for ctx.Err() == nil {
		select {
		case e, open := <-watch.ResultChan():
			next, isPod := e.Object.(*corev1.Pod)
			switch {
			case !open:
				wait(ctx, r.Pause)
				return false, nil
			case !isPod || e.Type == watchapi.Deleted:
				return false, nil
			}
			if started, err := r.started(next); started || err != nil {
				return started, err
			}
		case <-ctx.Done():
		}
	}
	return false, nil
}

// started says whether the pod's process has run; the error is a state from
// which the pod does not come back.
func (r *run) started(pod *corev1.Pod) (bool, error) {
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Running != nil || c.State.Terminated != nil {
			return true, nil
		}
		waiting := c.State.Waiting
		if waiting == nil {
			continue
		}
		switch waiting.Reason {
		case "ErrImageNeverPull", "ImagePullBackOff", "InvalidImageName":
			err := fmt.Errorf("%s: image %s is not on node %s and cannot be pulled: %s", r.noStart(pod), r.Image, pod.Spec.NodeName, waiting.Message)
			return false, fault.New(fault.Smoke, err, "load the probe's image into the cluster: tkdeploy up --only load; or set verify.image to one that it can pull")
		case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
			err := fmt.Errorf("%s: %s: %s", r.noStart(pod), waiting.Reason, waiting.Message)
			return false, fault.New(fault.Smoke, err, r.describe(pod))
		}
	}
	if pod.Status.Phase == corev1.PodFailed {
		err := fmt.Errorf("%s: %s: %s", r.noStart(pod), pod.Status.Reason, pod.Status.Message)
		return false, fault.New(fault.Smoke, err, r.describe(pod))
	}
	return false, nil
}

// neverStarted tells, in order, what the container, the scheduler or the
// pod's last warning says.
func (r *run) neverStarted(ctx context.Context, pod *corev1.Pod) error {
	late := fmt.Sprintf("%s within %s", r.noStart(pod), inWords(r.StartWithin))
	for _, c := range pod.Status.ContainerStatuses {
		if w := c.State.Waiting; w != nil && w.Message != "" {
			return fault.New(fault.Smoke, fmt.Errorf("%s: %s: %s", late, w.Reason, w.Message), r.describe(pod))
		}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return fault.New(fault.Smoke, fmt.Errorf("%s: %s: %s", late, c.Reason, c.Message), r.describe(pod))
		}
	}
	warning, err := r.lastWarning(ctx, pod)
	if err != nil || warning == "" {
		return undecided(errors.Join(errors.New(late), err))
	}
	return fault.New(fault.Smoke, fmt.Errorf("%s: %s", late, warning), r.describe(pod))
}

// lastWarning is the newest event of type Warning about the pod, such as one
// of the network plugin that gives it no address.
func (r *run) lastWarning(ctx context.Context, pod *corev1.Pod) (string, error) {
	var events *corev1.EventList
	selector := fields.Set{"involvedObject.name": pod.Name, "type": corev1.EventTypeWarning}.String()
	err := r.persist(ctx, "read the events of pod "+pod.Name, func(ctx context.Context) (err error) {
		events, err = r.Client.CoreV1().Events(r.Namespace).List(ctx, metav1.ListOptions{FieldSelector: selector})
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

func (r *run) noStart(pod *corev1.Pod) string {
	return fmt.Sprintf("the smoke test's pod %s does not start", pod.Name)
}

func (r *run) describe(pod *corev1.Pod) string {
	return fmt.Sprintf("see the node and the namespace's events: %s -n %s get events --field-selector involvedObject.name=%s", r.Kubectl, r.Namespace, pod.Name)
}
