package kubeclient

import (
	"helm.sh/helm/v3/pkg/kube"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// ReplicaKeeper is Helm's client, but its updates keep the replicas that an autoscaler
// has set. Helm would write those of the chart, and the autoscaler would have to add the
// pods again.
type ReplicaKeeper struct {
	*kube.Client

	// Kept returns the replicas to keep, if any.
	Kept func(kind, namespace, name string) (replicas int64, ok bool)
}

// Update implements [kube.Interface].
func (k ReplicaKeeper) Update(original, target kube.ResourceList, force bool) (*kube.Result, error) {
	if err := KeepReplicas(target, k.Kept); err != nil {
		return nil, err
	}
	return k.Client.Update(original, target, force)
}

// KeepReplicas sets the replicas of the workloads in target to those that kept returns.
func KeepReplicas(target kube.ResourceList, kept func(kind, namespace, name string) (replicas int64, ok bool)) error {
	for _, info := range target {
		o, ok := info.Object.(*unstructured.Unstructured)
		if !ok {
			continue
		}
		if replicas, ok := kept(o.GetKind(), info.Namespace, info.Name); ok {
			if err := unstructured.SetNestedField(o.Object, replicas, "spec", "replicas"); err != nil {
				return err
			}
		}
	}
	return nil
}
