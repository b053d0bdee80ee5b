package chart

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Requests are what pods ask the scheduler for.
type Requests struct {
	Pods   int64
	CPU    resource.Quantity
	Memory resource.Quantity
}

// Requests adds up what the rendered pods request: a Deployment's or
// StatefulSet's replicas, or an autoscaler's minimum where that is more, a
// DaemonSet on each of the nodes, a Job's parallel pods. Hooks and CronJobs come
// and go and do not count.
func (r Rendered) Requests(nodes int64) Requests {
	var sum Requests
	scalers := Autoscalers(r.Objects)
	for _, object := range r.Objects {
		template, ok := Lookup(object.Object, []string{"spec", "template", "spec"}).(map[string]any)
		if object.GetKind() == "Pod" {
			template, ok = Lookup(object.Object, []string{"spec"}).(map[string]any)
		}
		if !ok {
			continue
		}
		n := replicas(object, scalers, nodes)
		sum.Pods += n
		sum.CPU.Add(podRequest(template, "cpu", n))
		sum.Memory.Add(podRequest(template, "memory", n))
	}
	return sum
}

func replicas(object unstructured.Unstructured, scalers map[string]unstructured.Unstructured, nodes int64) int64 {
	switch object.GetKind() {
	case "DaemonSet":
		return nodes
	case "Job":
		return number(object, 1, "spec", "parallelism")
	case "Deployment", "StatefulSet", "ReplicaSet":
		n := number(object, 1, "spec", "replicas")
		if scaler, ok := scalers[object.GetKind()+"/"+object.GetName()]; ok {
			n = max(n, number(scaler, 1, "spec", "minReplicas"))
		}
		return n
	}
	return 1
}

func number(object unstructured.Unstructured, otherwise int64, path ...string) int64 {
	switch n := Lookup(object.Object, path).(type) {
	case int64:
		return n
	case float64:
		return int64(n)
	}
	return otherwise
}

// podRequest is what n pods request of a resource, as the scheduler counts it:
// the containers together, or the largest init container where that is more.
// Without a request the limit counts, as the API server fills it in.
func podRequest(spec map[string]any, name string, n int64) resource.Quantity {
	var together, largest resource.Quantity
	for _, list := range []string{"containers", "initContainers"} {
		containers, _ := spec[list].([]any)
		for _, c := range containers {
			asked := containerRequest(c, name)
			if list == "containers" || Lookup(c, []string{"restartPolicy"}) == "Always" { // a sidecar runs beside them
				together.Add(asked)
			} else if asked.Cmp(largest) > 0 {
				largest = asked
			}
		}
	}
	if largest.Cmp(together) > 0 {
		together = largest
	}
	together.Mul(n)
	return together
}

func containerRequest(container any, name string) resource.Quantity {
	for _, kind := range []string{"requests", "limits"} {
		if value := Lookup(container, []string{"resources", kind, name}); value != nil {
			q, _ := resource.ParseQuantity(fmt.Sprint(value)) // the API server refuses what is none
			return q
		}
	}
	return resource.Quantity{}
}
