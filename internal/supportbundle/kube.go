package supportbundle

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

// kube collects from the API server.
type kube struct {
	client    kubernetes.Interface
	namespace string
	limits    Limits
}

// Kubernetes are the parts that the API server tells: the namespace's pods with
// their logs, its other objects and events, and the nodes.
func Kubernetes(client kubernetes.Interface, namespace string, limits Limits) []Collector {
	k := kube{client, namespace, limits.withDefaults()}
	parts := []Collector{
		{Name: "pods and logs", Raw: true, Collect: k.pods},
		{Name: "events of the namespace", Raw: true, Collect: k.namespaceEvents},
		{Name: "events of the nodes", Collect: k.nodeEvents},
		{Name: "nodes", Collect: k.nodes},
		{Name: "pods of all namespaces", Collect: k.allPods},
		{Name: "names and keys of Secrets", Collect: k.secretKeys},
	}
	for _, l := range k.lists() {
		parts = append(parts, Collector{Name: l.file, Raw: true, Collect: func(ctx context.Context, to *Writer) error {
			return k.writeList(ctx, to, l)
		}})
	}
	return parts
}

// A list is one kind of object and the file that takes all of them.
type list struct {
	file, what string
	ask        func(context.Context, metav1.ListOptions) (runtime.Object, error)
}

// asking makes a typed client's List one that gives any object.
func asking[T runtime.Object](ask func(context.Context, metav1.ListOptions) (T, error)) func(context.Context, metav1.ListOptions) (runtime.Object, error) {
	return func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return ask(ctx, o) }
}

// lists are the namespace's objects beside its pods: what makes pods, what leads
// to them, and what may refuse them.
func (k kube) lists() []list {
	apps, core, batch := k.client.AppsV1(), k.client.CoreV1(), k.client.BatchV1()
	ns := k.namespace
	return []list{
		{"namespace/deployments.yaml", "the Deployments", asking(apps.Deployments(ns).List)},
		{"namespace/replicasets.yaml", "the ReplicaSets", asking(apps.ReplicaSets(ns).List)},
		{"namespace/statefulsets.yaml", "the StatefulSets", asking(apps.StatefulSets(ns).List)},
		{"namespace/daemonsets.yaml", "the DaemonSets", asking(apps.DaemonSets(ns).List)},
		{"namespace/jobs.yaml", "the Jobs", asking(batch.Jobs(ns).List)},
		{"namespace/cronjobs.yaml", "the CronJobs", asking(batch.CronJobs(ns).List)},
		{"namespace/autoscalers.yaml", "the HorizontalPodAutoscalers", asking(k.client.AutoscalingV2().HorizontalPodAutoscalers(ns).List)},
		{"namespace/services.yaml", "the Services", asking(core.Services(ns).List)},
		{"namespace/endpointslices.yaml", "the EndpointSlices: which pods a Service leads to", asking(k.client.DiscoveryV1().EndpointSlices(ns).List)},
		{"namespace/claims.yaml", "the PersistentVolumeClaims", asking(core.PersistentVolumeClaims(ns).List)},
		{"namespace/quotas.yaml", "the ResourceQuotas", asking(core.ResourceQuotas(ns).List)},
		{"namespace/networkpolicies.yaml", "the NetworkPolicies", asking(k.client.NetworkingV1().NetworkPolicies(ns).List)},
	}
}

// writeList writes the objects of a kind. Where there are none, there is no file.
func (k kube) writeList(ctx context.Context, to *Writer, l list) error {
	ctx, cancel := context.WithTimeout(ctx, k.limits.Request)
	defer cancel()
	found, err := l.ask(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	objects, err := meta.ExtractList(found)
	if err != nil || len(objects) == 0 {
		return err
	}
	return to.YAML(l.file, l.what, objects...)
}

// YAML writes objects as documents of one file, without what only the API
// server's bookkeeping needs.
func (s *Writer) YAML(name, what string, objects ...runtime.Object) error {
	documents := make([]string, len(objects))
	for i, o := range objects {
		text, err := s.document(o)
		if err != nil {
			return fmt.Errorf("encode %s: %w", name, err)
		}
		documents[i] = text
	}
	return s.Text(name, what, strings.Join(documents, "---\n"))
}

func (s *Writer) document(o runtime.Object) (string, error) {
	tree, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return "", err
	}
	if kinds, _, err := scheme.Scheme.ObjectKinds(o); err == nil { // lists leave it out of their items
		tree["apiVersion"], tree["kind"] = kinds[0].ToAPIVersionAndKind()
	}
	if metadata, ok := tree["metadata"].(map[string]any); ok {
		delete(metadata, "managedFields")
		if annotations, ok := metadata["annotations"].(map[string]any); ok {
			delete(annotations, "kubectl.kubernetes.io/last-applied-configuration")
		}
	}
	text, err := yaml.Marshal(s.tree(tree))
	return string(text), err
}
