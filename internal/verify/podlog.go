package verify

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"tkdeploy.dev/tkdeploy/internal/verify/pods"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

const (
	logPods  = 3  // pods of a Service to read
	logLines = 20 // of each
)

var errorLine = regexp.MustCompile(`(?i)error|exception|panic|fatal|fail|refused|timeout`)

// logCause returns the last log line that reports an error of the pods that returned
// a server error, or "".
func (r *Runner) logCause(ctx context.Context, result probe.Result) string {
	if result.Answer.Status < http.StatusInternalServerError {
		return ""
	}
	name, namespace := serviceOf(result.Check, r.options.Namespace)
	if name == "" {
		name, namespace = serviceOf(probe.Check{Service: result.Check.Target.Host}, r.options.Namespace)
	}
	core := r.options.Client.CoreV1()
	service, err := core.Services(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil || len(service.Spec.Selector) == 0 {
		return ""
	}
	selector := labels.SelectorFromSet(service.Spec.Selector).String()
	found, err := core.Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector, Limit: logPods})
	if err != nil {
		return ""
	}
	for _, pod := range found.Items {
		if line := r.lastError(ctx, pod); line != "" {
			return "log of pod " + pod.Name + ": " + line
		}
	}
	return ""
}

func (r *Runner) lastError(ctx context.Context, pod corev1.Pod) string {
	if len(pod.Spec.Containers) == 0 {
		return ""
	}
	reader := pods.Runner{Client: r.pods, Namespace: pod.Namespace}
	for _, line := range slices.Backward(reader.LogTail(ctx, pod.Name, pod.Spec.Containers[0].Name, logLines)) {
		if errorLine.MatchString(line) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}
