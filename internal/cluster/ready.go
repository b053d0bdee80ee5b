package cluster

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// awaitReady waits until the cluster is ready at present; see present.
func (c *Cluster) awaitReady(ctx context.Context, since time.Time) error {
	client, err := c.Client()
	if err != nil {
		return err
	}
	missing := "its API server does not answer"
	err = wait.PollUntilContextTimeout(ctx, 250*time.Millisecond, c.limits.Ready, true, func(ctx context.Context) (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, c.limits.API)
		defer cancel()
		_, missing = checkReady(ctx, client, since)
		return missing == "", nil
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fault.New(fault.Cluster, fmt.Errorf("cluster %s is not ready after %s: %s", c.Name, c.limits.Ready, missing),
			fmt.Sprintf("look at it with: kubectl --kubeconfig %s get nodes,pods -A; or take it down and up again: tkdeploy down --env %s", c.Kubeconfig(), c.Env))
	}
	return nil
}

// present lists the nodes and says what keeps the cluster from being ready at
// present, or "": every node must be Ready by a kubelet that reported after
// since, when its container was started, and no pod may count as running on the
// strength of a container from before. After a restart the API server at first
// repeats what was true before it.
func checkReady(ctx context.Context, client kubernetes.Interface, since time.Time) (nodes []corev1.Node, missing string) {
	list, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	switch {
	case err != nil:
		return nil, fmt.Sprintf("its API server does not answer: %v", err)
	case len(list.Items) == 0:
		return nil, "it has no node yet"
	}
	for _, n := range list.Items {
		lease, err := client.CoordinationV1().Leases(corev1.NamespaceNodeLease).Get(ctx, n.Name, metav1.GetOptions{})
		if err != nil || lease.Spec.RenewTime == nil || lease.Spec.RenewTime.Time.Before(since) {
			return list.Items, "the kubelet of node " + n.Name + " has not reported"
		}
		if !isReady(n) {
			return list.Items, "node " + n.Name + " is not ready"
		}
	}
	pods, err := client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return list.Items, fmt.Sprintf("list pods: %v", err)
	}
	if i := slices.IndexFunc(pods.Items, func(p corev1.Pod) bool { return isStale(p, since) }); i >= 0 {
		return list.Items, "pod " + pods.Items[i].Namespace + "/" + pods.Items[i].Name + " has not been restarted yet"
	}
	return list.Items, ""
}

// stale tells a pod whose status is from before since.
func isStale(p corev1.Pod, since time.Time) bool {
	return slices.ContainsFunc(p.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool {
		// the API rounds down to seconds
		return s.State.Running != nil && s.State.Running.StartedAt.Time.Before(since.Truncate(time.Second))
	})
}

func isReady(n corev1.Node) bool {
	for _, condition := range n.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// started is when the youngest of the containers was started.
func lastStart(containers []container) time.Time {
	var since time.Time
	for _, c := range containers {
		if c.State.StartedAt.After(since) {
			since = c.State.StartedAt
		}
	}
	return since
}
