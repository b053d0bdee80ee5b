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

	"tkdeploy.dev/tkdeploy/internal/cluster/drain"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// awaitReady also undoes what an interrupted [Cluster.PrepareDelete] has left.
func (c *Cluster) awaitReady(ctx context.Context) error {
	containers, err := c.containers(ctx)
	if err != nil {
		return err
	}
	client, err := c.Client()
	if err != nil {
		return err
	}
	reason := "API server is not responding"
	err = wait.PollUntilContextTimeout(ctx, 250*time.Millisecond, c.limits.Ready, true, func(ctx context.Context) (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, c.limits.API)
		defer cancel()
		var nodes []corev1.Node
		nodes, reason = checkReady(ctx, client, startTimes(containers))
		if slices.ContainsFunc(nodes, drain.IsDrained) {
			if err := drain.Undo(ctx, client); err != nil {
				reason = err.Error() // try again
			}
			return false, nil
		}
		return reason == "", nil
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fault.New(fault.Cluster, fmt.Errorf("cluster %s is not ready after %s: %s", c.Name, c.limits.Ready, reason),
			fmt.Sprintf("inspect it: kubectl --kubeconfig %s get nodes,pods -A; or recreate it: %s", c.Kubeconfig(), c.recreateCommand()))
	}
	return nil
}

// checkReady returns the nodes and why the cluster is not ready, or "". The status
// of a node and of its pods must be newer than the start of its container, because
// after a restart the API server first returns the old status.
func checkReady(ctx context.Context, client kubernetes.Interface, started map[string]time.Time) (nodes []corev1.Node, reason string) {
	list, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	switch {
	case err != nil:
		return nil, fmt.Sprintf("API server is not responding: %v", err)
	case len(list.Items) == 0:
		return nil, "no node has registered yet"
	}
	for _, n := range list.Items {
		since, found := started[n.Name]
		if !found {
			return list.Items, "node " + n.Name + " has no container"
		}
		lease, err := client.CoordinationV1().Leases(corev1.NamespaceNodeLease).Get(ctx, n.Name, metav1.GetOptions{})
		if err != nil || lease.Spec.RenewTime == nil || lease.Spec.RenewTime.Time.Before(since) {
			return list.Items, "kubelet of node " + n.Name + " has not reported yet"
		}
		if !isReady(n) {
			return list.Items, "node " + n.Name + " is not ready"
		}
		if drain.IsDrained(n) {
			return list.Items, "node " + n.Name + " runs no new pods: an earlier down was interrupted"
		}
	}
	for name := range started {
		if !slices.ContainsFunc(list.Items, func(n corev1.Node) bool { return n.Name == name }) {
			return list.Items, "node " + name + " has not registered yet"
		}
	}
	pods, err := client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return list.Items, fmt.Sprintf("list pods: %v", err)
	}
	if i := slices.IndexFunc(pods.Items, func(p corev1.Pod) bool { return isStale(p, started[p.Spec.NodeName]) }); i >= 0 {
		p := pods.Items[i]
		return list.Items, "pod " + p.Namespace + "/" + p.Name + " on node " + p.Spec.NodeName + " has not been restarted yet"
	}
	return list.Items, ""
}

func isStale(p corev1.Pod, since time.Time) bool {
	return slices.ContainsFunc(p.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool {
		// the API rounds times down to seconds
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

// startTimes returns when each node container was started.
func startTimes(containers []container) map[string]time.Time {
	started := map[string]time.Time{}
	for _, c := range containers {
		started[c.Name] = c.State.StartedAt
	}
	return started
}
