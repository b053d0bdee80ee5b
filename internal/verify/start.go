package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/text"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// awaitStart returns when the pod's first process runs or ran.
func (p *podCase) awaitStart(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	pod, started, err := p.watched(pod.Name).await(ctx, pod, p.StartTimeout, p.started)
	if err == nil && !started {
		err = p.neverStarted(ctx, pod)
	}
	return pod, err
}

func (p *podCase) watched(name string) watched[*corev1.Pod] {
	return watched[*corev1.Pod]{
		Runner: &p.Runner,
		watch:  p.Client.CoreV1().Pods(p.Namespace).Watch,
		look:   func(ctx context.Context) (*corev1.Pod, error) { return p.look(ctx, name) },
	}
}

// started says whether a process of the pod has run; the error is a state from
// which the pod does not come back.
func (p *podCase) started(pod *corev1.Pod) (bool, error) {
	for _, c := range statuses(pod) {
		if hasRun(c) {
			return true, nil
		}
	}
	if pod.Status.Phase == corev1.PodFailed {
		err := fmt.Errorf("%s: %s: %s", p.noStart(pod), pod.Status.Reason, pod.Status.Message)
		return false, fault.New(fault.Smoke, err, p.describe(pod))
	}
	return false, p.stuck(pod)
}

// stuck is the error of a pod with a container that will not be started.
func (p *podCase) stuck(pod *corev1.Pod) error {
	for _, c := range statuses(pod) {
		waiting := c.State.Waiting
		if waiting == nil {
			continue
		}
		switch waiting.Reason {
		case "ErrImageNeverPull", "ImagePullBackOff", "InvalidImageName":
			err := fmt.Errorf("%s: image %s is not on node %s and cannot be pulled: %s", p.noStart(pod), imageOf(pod, c.Name), pod.Spec.NodeName, waiting.Message)
			return fault.New(fault.Smoke, err, p.pull)
		case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
			err := fmt.Errorf("%s: %s: %s", p.noStart(pod), waiting.Reason, waiting.Message)
			return fault.New(fault.Smoke, err, p.describe(pod))
		}
	}
	return nil
}

// unstarted is what the container runtime says if it could not start the first
// process of a pod that is never started again. Nothing of it has run, so
// another may take its place and does nothing twice: a node that is short of
// time fails so now and then ("unable to freeze" its cgroup), and what the
// kubelet starts again gets over it.
func unstarted(pod *corev1.Pod) string {
	refused := ""
	for _, c := range statuses(pod) {
		switch end := c.State.Terminated; {
		case end != nil && end.Reason == "StartError" && c.RestartCount == 0: // containerd's word
			refused = cmp.Or(end.Message, end.Reason)
		case hasRun(c):
			return ""
		}
	}
	return refused
}

// again tells that a pod is made once more, and why.
func (p *podCase) again(what, unstarted string) {
	cause := text.Printable(p.Redact(unstarted), text.MaxMessage)
	p.reporter.Report(event.Warn(what + " could not be started and is made once more: " + cause))
}

// statuses are those of all containers, in the order in which they start.
func statuses(pod *corev1.Pod) []corev1.ContainerStatus {
	return slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses)
}

func hasRun(c corev1.ContainerStatus) bool {
	return c.State.Running != nil || c.State.Terminated != nil || c.LastTerminationState.Terminated != nil
}

func imageOf(pod *corev1.Pod, container string) string {
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		if c.Name == container {
			return c.Image
		}
	}
	return ""
}

// neverStarted tells, in order, what the container, the scheduler or the
// pod's last warning says.
func (p *podCase) neverStarted(ctx context.Context, pod *corev1.Pod) error {
	late := fmt.Sprintf("%s within %s", p.noStart(pod), probe.InWords(p.StartTimeout))
	for _, c := range statuses(pod) {
		if w := c.State.Waiting; w != nil && w.Message != "" {
			return fault.New(fault.Smoke, fmt.Errorf("%s: %s: %s", late, w.Reason, w.Message), p.describe(pod))
		}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return fault.New(fault.Smoke, fmt.Errorf("%s: %s: %s", late, c.Reason, c.Message), p.describe(pod))
		}
	}
	warning, err := p.lastWarning(ctx, pod.Name)
	if err != nil || warning == "" {
		return undecided(errors.Join(errors.New(late), err))
	}
	return fault.New(fault.Smoke, fmt.Errorf("%s: %s", late, warning), p.describe(pod))
}

// lastWarning is the newest event of type Warning about a pod or Job, such as
// one of the network plugin that gives it no address.
func (p *podCase) lastWarning(ctx context.Context, name string) (string, error) {
	var events *corev1.EventList
	selector := fields.Set{"involvedObject.name": name, "type": corev1.EventTypeWarning}.String()
	err := p.persist(ctx, "read the events of "+name, func(ctx context.Context) (err error) {
		events, err = p.Client.CoreV1().Events(p.Namespace).List(ctx, metav1.ListOptions{FieldSelector: selector})
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

func (p *podCase) noStart(pod *corev1.Pod) string {
	return fmt.Sprintf("%s %s does not start", p.what, pod.Name)
}

func (p *podCase) describe(pod *corev1.Pod) string {
	return fmt.Sprintf("see the node and the namespace's events: %s -n %s get events --field-selector involvedObject.name=%s", p.Kubectl, p.Namespace, pod.Name)
}
