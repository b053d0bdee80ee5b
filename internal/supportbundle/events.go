package supportbundle

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func (k kube) namespaceEvents(ctx context.Context, to *Writer) error {
	return k.writeEvents(ctx, to, k.namespace, metav1.ListOptions{}, "namespace/events.txt", "events of the namespace, newest last")
}

// nodeEvents reads the namespace default, where the kubelet writes node events.
func (k kube) nodeEvents(ctx context.Context, to *Writer) error {
	options := metav1.ListOptions{FieldSelector: "involvedObject.kind=Node"}
	return k.writeEvents(ctx, to, metav1.NamespaceDefault, options, "cluster/node-events.txt", "events of the nodes, newest last")
}

func (k kube) writeEvents(ctx context.Context, to *Writer, namespace string, options metav1.ListOptions, file, description string) error {
	ctx, cancel := context.WithTimeout(ctx, k.limits.RequestTimeout)
	defer cancel()
	found, err := k.client.CoreV1().Events(namespace).List(ctx, options)
	if err != nil || len(found.Items) == 0 {
		return err
	}
	slices.SortStableFunc(found.Items, func(a, b corev1.Event) int { return lastSeen(a).Compare(lastSeen(b)) })
	rows := [][]string{{"LAST SEEN", "COUNT", "TYPE", "REASON", "OBJECT", "MESSAGE"}}
	for _, e := range found.Items {
		object := strings.ToLower(e.InvolvedObject.Kind) + "/" + e.InvolvedObject.Name
		rows = append(rows, []string{stamp(lastSeen(e)), fmt.Sprint(occurrences(e)), e.Type, e.Reason, object, to.bundle.redact(e.Message)})
	}
	return to.table(file, description, rows)
}

// lastSeen handles both event APIs, which store the time in different fields.
func lastSeen(e corev1.Event) time.Time {
	switch {
	case e.Series != nil:
		return e.Series.LastObservedTime.Time
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	}
	return e.CreationTimestamp.Time
}

func occurrences(e corev1.Event) int32 {
	if e.Series != nil {
		return e.Series.Count
	}
	return max(1, e.Count)
}
