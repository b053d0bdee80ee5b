package supportbundle

import (
	"context"
	"fmt"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// pods writes each pod of the namespace and the logs of its containers, those
// that are not well first.
func (k kube) pods(ctx context.Context, to *Writer) error {
	asking, cancel := context.WithTimeout(ctx, k.limits.Request)
	defer cancel()
	found, err := k.client.CoreV1().Pods(k.namespace).List(asking, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list the pods: %w", err)
	}
	slices.SortStableFunc(found.Items, func(a, b corev1.Pod) int { return health(a) - health(b) })
	var logs []podLog
	for i := range found.Items {
		pod := &found.Items[i]
		what := fmt.Sprintf("pod %s: %s, %s", pod.Name, pod.Status.Phase, readiness(*pod))
		if err := to.YAML("pods/"+pod.Name+"/pod.yaml", what, pod); err != nil {
			to.Missing("pod "+pod.Name, err)
		}
		logs = append(logs, logsOf(*pod)...)
	}
	k.writeLogs(ctx, to, logs)
	return nil
}

// health orders pods: 0 is not ready, 1 has restarted, 2 is well.
func health(p corev1.Pod) int {
	ready, of, restarts := count(p)
	switch {
	case p.Status.Phase == corev1.PodSucceeded:
		return 2
	case ready < of || p.Status.Phase != corev1.PodRunning:
		return 0
	case restarts > 0:
		return 1
	}
	return 2
}

// count gives how many of a pod's containers are ready, and the restarts of all.
func count(p corev1.Pod) (ready, of int, restarts int32) {
	for _, c := range p.Status.ContainerStatuses {
		if c.Ready {
			ready++
		}
		restarts += c.RestartCount
	}
	return ready, len(p.Spec.Containers), restarts
}

func readiness(p corev1.Pod) string {
	ready, of, restarts := count(p)
	text := fmt.Sprintf("%d of %d containers ready", ready, of)
	if restarts > 0 {
		text += fmt.Sprintf(", %d restarts", restarts)
	}
	return text
}

// A podLog is a log of one run of a container.
type podLog struct {
	pod, container string
	previous       bool
}

func (l podLog) name() string {
	if l.previous {
		return fmt.Sprintf("pods/%s/%s.previous.log", l.pod, l.container)
	}
	return fmt.Sprintf("pods/%s/%s.log", l.pod, l.container)
}

func (l podLog) what() string {
	if l.previous {
		return fmt.Sprintf("log of container %s of pod %s, the run before its last restart", l.container, l.pod)
	}
	return fmt.Sprintf("log of container %s of pod %s", l.container, l.pod)
}

// logsOf are the logs that a pod can have: one that has not started has none.
func logsOf(p corev1.Pod) []podLog {
	var logs []podLog
	for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses, p.Status.EphemeralContainerStatuses) {
		if c.State.Running != nil || c.State.Terminated != nil || c.LastTerminationState.Terminated != nil {
			logs = append(logs, podLog{pod: p.Name, container: c.Name})
		}
		if c.LastTerminationState.Terminated != nil {
			logs = append(logs, podLog{pod: p.Name, container: c.Name, previous: true})
		}
	}
	return logs
}

// writeLogs reads a few logs side by side.
func (k kube) writeLogs(ctx context.Context, to *Writer, logs []podLog) {
	slots := make(chan struct{}, k.limits.AtOnce)
	var wg sync.WaitGroup
	for _, l := range logs {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := k.writeLog(ctx, to, l); err != nil {
				to.Missing(l.what(), err)
			}
		})
	}
	wg.Wait()
}

// writeLog writes the end of a log. Of one that breaks off, what came is kept.
func (k kube) writeLog(ctx context.Context, to *Writer, l podLog) error {
	ctx, cancel := context.WithTimeout(ctx, k.limits.Request)
	defer cancel()
	lines := int64(k.limits.LogLines)
	stream, err := k.client.CoreV1().Pods(k.namespace).GetLogs(l.pod, &corev1.PodLogOptions{
		Container: l.container, Previous: l.previous, TailLines: &lines, Timestamps: true,
	}).Stream(ctx)
	if err != nil {
		return err
	}
	defer stream.Close()
	text, err := to.log(stream)
	if err != nil && text == "" {
		return err
	}
	if written := to.Text(l.name(), l.what(), text); written != nil {
		return written
	}
	if err != nil {
		return fmt.Errorf("it broke off: %w", err)
	}
	return nil
}
