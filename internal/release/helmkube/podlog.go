package helmkube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"

	"tkdeploy.dev/tkdeploy/internal/text"
)

const (
	podLogTime    = 5 * time.Second
	podLogLines   = 5
	maxPodLogSize = 64 << 10
)

// podError returns the exit code and the last log lines of a failed pod, before a delete
// policy removes it.
func podError(ctx context.Context, kube kubernetes.Interface, pod *corev1.Pod, redact func(string) string) error {
	message := "pod " + pod.Name + " failed"
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		end := s.State.Terminated
		if end == nil || end.ExitCode == 0 {
			continue
		}
		message += fmt.Sprintf(": container %s: exit code %d", s.Name, end.ExitCode)
		if log := redact(tailLog(ctx, kube, pod, s.Name)); log != "" {
			message += ": " + text.Printable(log, text.MaxMessage)
		}
		break
	}
	return errors.New(message)
}

func tailLog(ctx context.Context, kube kubernetes.Interface, pod *corev1.Pod, container string) string {
	ctx, cancel := context.WithTimeout(ctx, podLogTime)
	defer cancel()
	lines := int64(podLogLines)
	stream, err := kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{Container: container, TailLines: &lines}).Stream(ctx)
	if err != nil {
		return ""
	}
	defer stream.Close()
	log, err := io.ReadAll(io.LimitReader(stream, maxPodLogSize))
	if err != nil {
		return ""
	}
	return text.Tail(string(log), podLogLines)
}
