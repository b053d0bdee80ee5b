package supportbundle

import (
	"context"
	"fmt"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
)

// podLog is the log of one run of a container.
type podLog struct {
	pod, container string
	previous       bool
}

func (l podLog) file() string {
	if l.previous {
		return fmt.Sprintf("pods/%s/%s.previous.log", l.pod, l.container)
	}
	return fmt.Sprintf("pods/%s/%s.log", l.pod, l.container)
}

func (l podLog) description() string {
	if l.previous {
		return fmt.Sprintf("log of container %s in pod %s before its last restart", l.container, l.pod)
	}
	return fmt.Sprintf("log of container %s in pod %s", l.container, l.pod)
}

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

func (k kube) writeLogs(ctx context.Context, to *Writer, logs []podLog) {
	slots := make(chan struct{}, k.limits.ParallelLogs)
	var wg sync.WaitGroup
	for _, l := range logs {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := k.writeLog(ctx, to, l); err != nil {
				to.Missing(l.description(), err)
			}
		})
	}
	wg.Wait()
}

// writeLog keeps the text read so far if reading fails.
func (k kube) writeLog(ctx context.Context, to *Writer, l podLog) error {
	ctx, cancel := context.WithTimeout(ctx, k.limits.RequestTimeout)
	defer cancel()
	lines := int64(k.limits.LogLines)
	stream, err := k.client.CoreV1().Pods(k.namespace).GetLogs(l.pod, &corev1.PodLogOptions{
		Container: l.container, Previous: l.previous, TailLines: &lines, Timestamps: true,
	}).Stream(ctx)
	if err != nil {
		return err
	}
	defer stream.Close()
	text, err := to.bundle.readLog(stream)
	if err != nil && text == "" {
		return err
	}
	if writeErr := to.Text(l.file(), l.description(), text); writeErr != nil {
		return writeErr
	}
	if err != nil {
		return fmt.Errorf("incomplete: %w", err)
	}
	return nil
}
