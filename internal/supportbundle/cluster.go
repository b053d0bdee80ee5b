package supportbundle

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// table lays out rows of cells.
func table(rows [][]string) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i := range row {
			row[i] = strings.Join(strings.Fields(row[i]), " ")
		}
		fmt.Fprintln(w, strings.Join(row, "\t")) // a Builder takes everything
	}
	_ = w.Flush() // likewise
	return text.String()
}

func (k kube) namespaceEvents(ctx context.Context, to *Writer) error {
	return k.writeEvents(ctx, to, k.namespace, metav1.ListOptions{}, "namespace/events.txt", "the namespace's events, the newest last")
}

// nodeEvents are in the namespace default, where the kubelet puts them.
func (k kube) nodeEvents(ctx context.Context, to *Writer) error {
	only := metav1.ListOptions{FieldSelector: "involvedObject.kind=Node"}
	return k.writeEvents(ctx, to, metav1.NamespaceDefault, only, "cluster/node-events.txt", "the nodes' events, the newest last")
}

func (k kube) writeEvents(ctx context.Context, to *Writer, namespace string, options metav1.ListOptions, file, what string) error {
	ctx, cancel := context.WithTimeout(ctx, k.limits.Request)
	defer cancel()
	found, err := k.client.CoreV1().Events(namespace).List(ctx, options)
	if err != nil || len(found.Items) == 0 {
		return err
	}
	slices.SortStableFunc(found.Items, func(a, b corev1.Event) int { return lastSeen(a).Compare(lastSeen(b)) })
	rows := [][]string{{"LAST SEEN", "COUNT", "TYPE", "REASON", "OBJECT", "MESSAGE"}}
	for _, e := range found.Items {
		object := strings.ToLower(e.InvolvedObject.Kind) + "/" + e.InvolvedObject.Name
		rows = append(rows, []string{stamp(lastSeen(e)), fmt.Sprint(times(e)), e.Type, e.Reason, object, to.redact(e.Message)})
	}
	return to.Text(file, what, table(rows))
}

// lastSeen reads an event of either API: the newer one fills other fields.
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

func times(e corev1.Event) int32 {
	if e.Series != nil {
		return e.Series.Count
	}
	return max(1, e.Count)
}

func (k kube) nodes(ctx context.Context, to *Writer) error {
	ctx, cancel := context.WithTimeout(ctx, k.limits.Request)
	defer cancel()
	found, err := k.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	var all []runtime.Object
	for i := range found.Items {
		found.Items[i].Status.Images = nil // long, and no evidence
		all = append(all, &found.Items[i])
	}
	if err := to.YAML("cluster/nodes.yaml", "the nodes: conditions, capacity, taints", all...); err != nil {
		return err
	}
	pods, err := k.client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list the pods: %w", err)
	}
	return to.Text("cluster/allocations.txt", "what the pods of each node request, and what it has", allocations(found.Items, pods.Items))
}

// allocations compares what each node has with what its pods ask for.
func allocations(nodes []corev1.Node, pods []corev1.Pod) string {
	rows := [][]string{{"NODE", "RESOURCE", "ALLOCATABLE", "REQUESTS", "LIMITS"}}
	for _, node := range nodes {
		requests, limits := corev1.ResourceList{}, corev1.ResourceList{}
		for _, pod := range pods {
			if pod.Spec.NodeName == node.Name && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed {
				addContainers(pod, requests, limits)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(node.Status.Allocatable)) {
			has := node.Status.Allocatable[name]
			rows = append(rows, []string{node.Name, string(name), has.String(), amount(requests, name), amount(limits, name)})
		}
	}
	return table(rows)
}

func addContainers(pod corev1.Pod, requests, limits corev1.ResourceList) {
	for _, c := range pod.Spec.Containers {
		add(requests, c.Resources.Requests)
		add(limits, c.Resources.Limits)
	}
	add(requests, corev1.ResourceList{corev1.ResourcePods: *resource.NewQuantity(1, resource.DecimalSI)})
}

func add(sum, more corev1.ResourceList) {
	for name, quantity := range more {
		total := sum[name]
		total.Add(quantity)
		sum[name] = total
	}
}

func amount(list corev1.ResourceList, name corev1.ResourceName) string {
	quantity, ok := list[name]
	if !ok {
		return "-"
	}
	return quantity.String()
}

func (k kube) allPods(ctx context.Context, to *Writer) error {
	ctx, cancel := context.WithTimeout(ctx, k.limits.Request)
	defer cancel()
	found, err := k.client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	rows := [][]string{{"NAMESPACE", "POD", "PHASE", "READY", "NODE", "WAITS FOR"}}
	for _, p := range found.Items {
		rows = append(rows, []string{p.Namespace, p.Name, string(p.Status.Phase), readiness(p), p.Spec.NodeName, waitsFor(p)})
	}
	return to.Text("cluster/pods.txt", "the pods of all namespaces, a line each", table(rows))
}

func waitsFor(p corev1.Pod) string {
	var reasons []string
	for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		if c.State.Waiting != nil {
			reasons = append(reasons, c.Name+" "+c.State.Waiting.Reason)
		}
	}
	return strings.Join(append(reasons, p.Status.Reason), ", ")
}

// secretKeys lists what Secrets there are and what is in them, without their
// contents.
func (k kube) secretKeys(ctx context.Context, to *Writer) error {
	ctx, cancel := context.WithTimeout(ctx, k.limits.Request)
	defer cancel()
	found, err := k.client.CoreV1().Secrets(k.namespace).List(ctx, metav1.ListOptions{})
	if err != nil || len(found.Items) == 0 {
		return err
	}
	rows := [][]string{{"SECRET", "TYPE", "KEYS"}}
	for _, s := range found.Items {
		rows = append(rows, []string{s.Name, string(s.Type), strings.Join(slices.Sorted(maps.Keys(s.Data)), ", ")})
	}
	return to.Text("namespace/secrets.txt", "the Secrets, by name and key", table(rows))
}
