package rollout

import (
	"context"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"tkdeploy.dev/tkdeploy/internal/health"
)

// listWatch is a source of one kind of object, in a namespace or the cluster.
type listWatch struct {
	name     string      // "pods in namespace tiktok-clone"
	required bool        // decides readiness
	custom   *customKind // of custom resources, or nil
	list     func(context.Context, metav1.ListOptions) (runtime.Object, error)
	watch    func(context.Context, metav1.ListOptions) (watch.Interface, error)
}

type typedClient[L runtime.Object] interface {
	List(context.Context, metav1.ListOptions) (L, error)
	Watch(context.Context, metav1.ListOptions) (watch.Interface, error)
}

func newListWatch[L runtime.Object](name string, required bool, client typedClient[L]) listWatch {
	return listWatch{
		name: name, required: required, watch: client.Watch,
		list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return client.List(ctx, o) },
	}
}

// listWatches omits the workload kinds that a namespace does not need.
func listWatches(client kubernetes.Interface, live dynamic.Interface, objects []health.Object) []listWatch {
	apps, batch, core := client.AppsV1(), client.BatchV1(), client.CoreV1()
	all := customListWatches(client, live, objects)
	for _, ns := range namespaces(objects) {
		in := " in namespace " + ns
		has := func(k health.Kind) bool {
			return slices.ContainsFunc(objects, func(o health.Object) bool { return o.Namespace == ns && o.Kind == k })
		}
		if has(health.Deployment) {
			all = append(all, newListWatch("deployments"+in, true, apps.Deployments(ns)))
		}
		if has(health.Deployment) || has(health.ReplicaSet) {
			all = append(all, newListWatch("replicasets"+in, true, apps.ReplicaSets(ns)))
		}
		if has(health.ReplicationController) {
			all = append(all, newListWatch("replicationcontrollers"+in, true, core.ReplicationControllers(ns)))
		}
		if has(health.StatefulSet) {
			all = append(all, newListWatch("statefulsets"+in, true, apps.StatefulSets(ns)))
		}
		if has(health.DaemonSet) {
			all = append(all, newListWatch("daemonsets"+in, true, apps.DaemonSets(ns)))
		}
		if has(health.Job) {
			all = append(all, newListWatch("jobs"+in, true, batch.Jobs(ns)))
		}
		all = append(all,
			newListWatch("pods"+in, true, core.Pods(ns)),
			newListWatch("events"+in, false, core.Events(ns)),
			newListWatch("persistentvolumeclaims"+in, false, core.PersistentVolumeClaims(ns)))
	}
	return append(all, newListWatch("nodes", false, core.Nodes()))
}

func namespaces(objects []health.Object) []string {
	var names []string
	for _, o := range objects {
		if o.Namespace != "" {
			names = append(names, o.Namespace)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
