package chart

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	resourcehelper "k8s.io/component-helpers/resource"
)

// Requests is the number of pods and the sum of their requests.
type Requests struct {
	Pods   int64
	CPU    resource.Quantity
	Memory resource.Quantity
}

// Requests adds up the rendered pods: replicas or the autoscaler's minimum, whichever is
// higher, one pod of a DaemonSet per node, and the parallel pods of a Job. Pods of hooks
// and CronJobs are temporary and do not count.
func (r Rendered) Requests(nodes int64) Requests {
	var sum Requests
	scalers := Autoscalers(r.Objects)
	for _, object := range r.Objects {
		spec, ok := Lookup(object.Object, []string{"spec", "template", "spec"}).(map[string]any)
		if object.GetKind() == "Pod" {
			spec, ok = Lookup(object.Object, []string{"spec"}).(map[string]any)
		}
		if !ok {
			continue
		}
		n := replicas(object, scalers, nodes)
		requests := podRequests(spec)
		sum.Pods += n
		sum.CPU.Add(times(requests[corev1.ResourceCPU], n))
		sum.Memory.Add(times(requests[corev1.ResourceMemory], n))
	}
	return sum
}

func times(q resource.Quantity, n int64) resource.Quantity {
	q.Mul(n)
	return q
}

func replicas(object unstructured.Unstructured, scalers map[string]unstructured.Unstructured, nodes int64) int64 {
	switch object.GetKind() {
	case "DaemonSet":
		return nodes
	case "Job":
		return intField(object, 1, "spec", "parallelism")
	case "Deployment", "StatefulSet", "ReplicaSet":
		n := intField(object, 1, "spec", "replicas")
		if scaler, ok := scalers[object.GetKind()+"/"+object.GetName()]; ok {
			n = max(n, intField(scaler, 1, "spec", "minReplicas"))
		}
		return n
	}
	return 1
}

func intField(object unstructured.Unstructured, missing int64, path ...string) int64 {
	switch n := Lookup(object.Object, path).(type) {
	case int64:
		return n
	case float64:
		return int64(n)
	}
	return missing
}

// podRequests counts as the scheduler does. It returns nil for an invalid spec.
func podRequests(spec map[string]any) corev1.ResourceList {
	var pod corev1.Pod
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(map[string]any{"spec": spec}, &pod); err != nil {
		return nil
	}
	for _, containers := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for i := range containers {
			defaultRequests(&containers[i].Resources)
		}
	}
	return resourcehelper.PodRequests(&pod, resourcehelper.PodResourcesOptions{})
}

// defaultRequests sets missing requests to the limits, as the API server does
// (SetDefaults_Pod in pkg/apis/core/v1/defaults.go).
func defaultRequests(r *corev1.ResourceRequirements) {
	for name, limit := range r.Limits {
		if _, ok := r.Requests[name]; ok {
			continue
		}
		if r.Requests == nil {
			r.Requests = corev1.ResourceList{}
		}
		r.Requests[name] = limit
	}
}
