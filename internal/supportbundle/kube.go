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

	"tkdeploy.dev/tkdeploy/internal/redact"
)

type kube struct {
	client    kubernetes.Interface
	namespace string
	limits    Limits
}

// Kubernetes returns the collectors of pods and their logs, other objects of the
// namespace, events, and nodes.
func Kubernetes(client kubernetes.Interface, namespace string, limits Limits) []Collector {
	k := kube{client, namespace, limits.withDefaults()}
	collectors := []Collector{
		{Name: "pods and logs", Raw: true, Collect: k.pods},
		{Name: "events of the namespace", Raw: true, Collect: k.namespaceEvents},
		{Name: "events of the nodes", Collect: k.nodeEvents},
		{Name: "nodes", Collect: k.nodes},
		{Name: "pods of all namespaces", Collect: k.allPods},
		{Name: "names and keys of Secrets", Collect: k.secretKeys},
	}
	for _, l := range k.objectLists() {
		collectors = append(collectors, Collector{Name: l.file, Raw: true, Collect: func(ctx context.Context, to *Writer) error {
			return k.writeObjects(ctx, to, l)
		}})
	}
	return collectors
}

type objectList struct {
	file, description string
	list              func(context.Context, metav1.ListOptions) (runtime.Object, error)
}

func untyped[T runtime.Object](list func(context.Context, metav1.ListOptions) (T, error)) func(context.Context, metav1.ListOptions) (runtime.Object, error) {
	return func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return list(ctx, o) }
}

// objectLists returns the kinds that create pods, route to them or may reject them.
func (k kube) objectLists() []objectList {
	apps, core, batch := k.client.AppsV1(), k.client.CoreV1(), k.client.BatchV1()
	ns := k.namespace
	return []objectList{
		{"namespace/deployments.yaml", "Deployments", untyped(apps.Deployments(ns).List)},
		{"namespace/replicasets.yaml", "ReplicaSets", untyped(apps.ReplicaSets(ns).List)},
		{"namespace/statefulsets.yaml", "StatefulSets", untyped(apps.StatefulSets(ns).List)},
		{"namespace/daemonsets.yaml", "DaemonSets", untyped(apps.DaemonSets(ns).List)},
		{"namespace/jobs.yaml", "Jobs", untyped(batch.Jobs(ns).List)},
		{"namespace/cronjobs.yaml", "CronJobs", untyped(batch.CronJobs(ns).List)},
		{"namespace/autoscalers.yaml", "HorizontalPodAutoscalers", untyped(k.client.AutoscalingV2().HorizontalPodAutoscalers(ns).List)},
		{"namespace/services.yaml", "Services", untyped(core.Services(ns).List)},
		{"namespace/endpointslices.yaml", "EndpointSlices: the pods behind each Service", untyped(k.client.DiscoveryV1().EndpointSlices(ns).List)},
		{"namespace/claims.yaml", "PersistentVolumeClaims", untyped(core.PersistentVolumeClaims(ns).List)},
		{"namespace/quotas.yaml", "ResourceQuotas", untyped(core.ResourceQuotas(ns).List)},
		{"namespace/networkpolicies.yaml", "NetworkPolicies", untyped(k.client.NetworkingV1().NetworkPolicies(ns).List)},
	}
}

// writeObjects writes no file if there are no objects.
func (k kube) writeObjects(ctx context.Context, to *Writer, l objectList) error {
	ctx, cancel := context.WithTimeout(ctx, k.limits.RequestTimeout)
	defer cancel()
	found, err := l.list(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	objects, err := meta.ExtractList(found)
	if err != nil || len(objects) == 0 {
		return err
	}
	return to.YAML(l.file, l.description, objects...)
}

// YAML writes objects as documents of one file, without managed fields and the
// last applied configuration.
func (w *Writer) YAML(name, description string, objects ...runtime.Object) error {
	documents := make([]string, len(objects))
	for i, o := range objects {
		text, err := w.bundle.yaml(o)
		if err != nil {
			return fmt.Errorf("encode %s: %w", name, err)
		}
		documents[i] = text
	}
	return w.ifOpen(func() error { return w.bundle.write(name, description, strings.Join(documents, "---\n")) })
}

func (b *Bundle) yaml(o runtime.Object) (string, error) {
	tree, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return "", err
	}
	// The items of a list have no apiVersion and kind.
	if kinds, _, err := scheme.Scheme.ObjectKinds(o); err == nil {
		tree["apiVersion"], tree["kind"] = kinds[0].ToAPIVersionAndKind()
	}
	if metadata, ok := tree["metadata"].(map[string]any); ok {
		delete(metadata, "managedFields")
		if annotations, ok := metadata["annotations"].(map[string]any); ok {
			delete(annotations, "kubectl.kubernetes.io/last-applied-configuration")
		}
	}
	text, err := yaml.Marshal(redact.Tree(tree, b.redact))
	return string(text), err
}
