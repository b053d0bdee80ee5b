package drift

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"tkdeploy.dev/tkdeploy/internal/autoscale"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

var autoscalers = schema.GroupVersionResource{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"}

// scaling finds the workloads whose replicas an autoscaler sets, during one comparison or
// dry run. It lists autoscalers only if the replicas of a workload differ.
type scaling struct {
	client *Client
	chart  map[string]unstructured.Unstructured // autoscalers of the manifest

	mu   sync.Mutex
	live map[string]map[string]bool // targets "Kind/name" of the autoscalers, by namespace
}

func (c *Client) newScaling(manifest []unstructured.Unstructured) *scaling {
	return &scaling{client: c, chart: chart.Autoscalers(manifest), live: map[string]map[string]bool{}}
}

// keepReplicas returns desired with the replicas of live if an autoscaler has set them
// and applying desired would change them, and whether it has. An update that removes the
// field resets it to 1.
func (s *scaling) keepReplicas(ctx context.Context, applied, desired, live unstructured.Unstructured) (unstructured.Unstructured, bool, error) {
	_, had, _ := unstructured.NestedInt64(applied.Object, "spec", "replicas")
	want, has, _ := unstructured.NestedInt64(desired.Object, "spec", "replicas")
	is, scalable, _ := unstructured.NestedInt64(live.Object, "spec", "replicas")
	if !scalable || !had && !has || has && want == is {
		return desired, false, nil
	}
	scaled, err := s.isScaled(ctx, desired, live)
	if err != nil || !scaled {
		return desired, false, err
	}
	desired = *desired.DeepCopy()
	return desired, true, unstructured.SetNestedField(desired.Object, is, "spec", "replicas")
}

func (s *scaling) isScaled(ctx context.Context, desired, live unstructured.Unstructured) (bool, error) {
	target := desired.GetKind() + "/" + desired.GetName()
	if _, ok := s.chart[target]; ok || autoscale.HasScaled(live.GetManagedFields()) {
		return true, nil
	}
	targets, err := s.targets(ctx, cmp.Or(desired.GetNamespace(), s.client.Namespace))
	return targets[target], err
}

func (s *scaling) targets(ctx context.Context, namespace string) (map[string]bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found, ok := s.live[namespace]; ok {
		return found, nil
	}
	all, err := s.client.Live.Resource(autoscalers).Namespace(namespace).List(ctx, metav1.ListOptions{})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsForbidden(err) {
		return nil, fmt.Errorf("list the autoscalers in namespace %s: %w", namespace, err)
	}
	found := map[string]bool{}
	if err == nil {
		for target, autoscaler := range chart.Autoscalers(all.Items) {
			found[target] = !s.client.Owns(&autoscaler) // the manifest decides about the release's own
		}
	}
	s.live[namespace] = found
	return found, nil
}

// keptReplicas are the replicas that autoscalers have set, by object.
type keptReplicas struct {
	mu       sync.Mutex
	replicas map[string]int64
}

func (k *keptReplicas) reset() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.replicas = map[string]int64{}
}

func (k *keptReplicas) keep(key string, replicas int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.replicas[key] = replicas
}

// KeptReplicas returns the replicas of a workload that the last [Client.Preflight] found
// to be set by an autoscaler. An upgrade must not change them.
func (c *Client) KeptReplicas(kind, namespace, name string) (replicas int64, ok bool) {
	c.kept.mu.Lock()
	defer c.kept.mu.Unlock()
	replicas, ok = c.kept.replicas[kind+"/"+namespace+"/"+name]
	return replicas, ok
}
