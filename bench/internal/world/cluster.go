// Package world looks at a cluster from outside both arms: what is there before
// and after a run, and whether it is what was to be deployed. A result that is
// wrong does not count, however fast it came.
package world

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// A Cluster is one that an arm made.
type Cluster struct {
	kube      kubernetes.Interface
	namespace string
	engine    engineView
	inNode    runner
}

// engineView tells the layers of an image that the engine has, by their diff IDs.
type engineView func(ctx context.Context, ref string) (layers []string, err error)

// A runner runs a command in the cluster's node.
type runner func(ctx context.Context, command ...string) ([]byte, error)

// Open connects to a cluster.
func Open(kubeconfig, namespace string, engine engineView, inNode runner) (*Cluster, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	config.QPS = -1 // no limit
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	return &Cluster{kube, namespace, engine, inNode}, nil
}

// Settle waits until the cluster is quiet: all pods are ready or done, and of
// the app none is on its way out. Otherwise one run would be timed with the end
// of the one before it.
func (c *Cluster) Settle(ctx context.Context) error {
	var restless []string
	err := wait.PollUntilContextTimeout(ctx, 500*time.Millisecond, 3*time.Minute, true, func(ctx context.Context) (bool, error) {
		pods, err := c.kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		restless = nil
		for _, pod := range pods.Items {
			if !ready(pod) && pod.Status.Phase != corev1.PodSucceeded || pod.DeletionTimestamp != nil {
				restless = append(restless, pod.Namespace+"/"+pod.Name)
			}
		}
		return len(restless) == 0, nil
	})
	if err != nil {
		return fmt.Errorf("wait until the cluster is quiet: %w; not ready: %s", err, strings.Join(restless, ", "))
	}
	return nil
}

func ready(pod corev1.Pod) bool { return readySince(pod) != nil }

func readySince(pod corev1.Pod) *metav1.Time {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			return &c.LastTransitionTime
		}
	}
	return nil
}

// Delete deletes a Deployment and waits until its pods are gone.
func (c *Cluster) Delete(ctx context.Context, deployment string) error {
	policy := metav1.DeletePropagationForeground
	err := c.kube.AppsV1().Deployments(c.namespace).Delete(ctx, deployment, metav1.DeleteOptions{PropagationPolicy: &policy})
	if err != nil {
		return fmt.Errorf("delete %s: %w", deployment, err)
	}
	return wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		pods, err := c.pods(ctx)
		for _, pod := range pods {
			if owner(pod) == deployment {
				return false, err
			}
		}
		return true, err
	})
}

func (c *Cluster) pods(ctx context.Context) ([]corev1.Pod, error) {
	list, err := c.kube.CoreV1().Pods(c.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list the pods: %w", err)
	}
	return list.Items, nil
}

// owner is the workload that a pod belongs to, "" for one that stands alone.
func owner(pod corev1.Pod) string {
	for _, reference := range pod.OwnerReferences {
		switch reference.Kind {
		case "ReplicaSet":
			return strings.TrimSuffix(reference.Name, "-"+pod.Labels["pod-template-hash"])
		case "StatefulSet":
			return reference.Name
		}
	}
	return ""
}

// APIRequests is how many requests the cluster's administrator has made, which
// is who every arm is: they are in the flow schema "global-default", those of
// the cluster's own parts in others. The request that asks counts itself.
func (c *Cluster) APIRequests(ctx context.Context) (int, error) {
	text, err := c.kube.Discovery().RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the API server's metrics: %w", err)
	}
	return dispatched(string(text))
}

func dispatched(metrics string) (int, error) {
	sum, found := 0.0, false
	for line := range strings.SplitSeq(metrics, "\n") {
		if !strings.HasPrefix(line, "apiserver_flowcontrol_dispatched_requests_total{") || !strings.Contains(line, `flow_schema="global-default"`) {
			continue
		}
		n, err := strconv.ParseFloat(line[strings.LastIndex(line, " ")+1:], 64)
		if err != nil {
			return 0, fmt.Errorf("read the API server's metrics: %w", err)
		}
		sum, found = sum+n, true
	}
	if !found {
		return 0, errors.New("the API server does not count the requests of flow schema global-default")
	}
	return int(sum), nil
}
