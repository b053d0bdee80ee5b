// Package inspect checks the result of a run, independently of the arms.
package inspect

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

// Cluster is a cluster that an arm created.
type Cluster struct {
	kube      kubernetes.Interface
	namespace string
	engine    layersFunc
	inNode    execFunc
}

// layersFunc returns the diff IDs of an image in the engine.
type layersFunc func(ctx context.Context, ref string) (layers []string, err error)

// execFunc runs a command in the cluster's node.
type execFunc func(ctx context.Context, command ...string) ([]byte, error)

// Open connects to the cluster of a kubeconfig.
func Open(kubeconfig, namespace string, engine layersFunc, inNode execFunc) (*Cluster, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	config.QPS = -1 // no limit
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connect to cluster: %w", err)
	}
	return &Cluster{kube, namespace, engine, inNode}, nil
}

// Settle waits until all pods are ready or succeeded and none is terminating, so that the
// end of a run does not slow down the next.
func (c *Cluster) Settle(ctx context.Context) error {
	var notReady []string
	err := wait.PollUntilContextTimeout(ctx, 500*time.Millisecond, 3*time.Minute, true, func(ctx context.Context) (bool, error) {
		pods, err := c.kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		notReady = nil
		for _, pod := range pods.Items {
			if !ready(pod) && pod.Status.Phase != corev1.PodSucceeded || pod.DeletionTimestamp != nil {
				notReady = append(notReady, pod.Namespace+"/"+pod.Name)
			}
		}
		return len(notReady) == 0, nil
	})
	if err != nil {
		return fmt.Errorf("wait for pods to settle: %w; not ready: %s", err, strings.Join(notReady, ", "))
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
		return fmt.Errorf("delete deployment %s: %w", deployment, err)
	}
	return wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		pods, err := c.pods(ctx)
		for _, pod := range pods {
			if workloadOf(pod) == deployment {
				return false, err
			}
		}
		return true, err
	})
}

func (c *Cluster) pods(ctx context.Context) ([]corev1.Pod, error) {
	list, err := c.kube.CoreV1().Pods(c.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list pods: %w", err)
	}
	return list.Items, nil
}

// workloadOf returns "" for a bare pod.
func workloadOf(pod corev1.Pod) string {
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

// APIRequests counts the requests of the cluster's administrator, including this one. They
// use the flow schema "global-default", cluster components use others.
func (c *Cluster) APIRequests(ctx context.Context) (int, error) {
	text, err := c.kube.Discovery().RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return 0, fmt.Errorf("read API server metrics: %w", err)
	}
	return dispatchedRequests(string(text))
}

func dispatchedRequests(metrics string) (int, error) {
	sum, found := 0.0, false
	for line := range strings.SplitSeq(metrics, "\n") {
		if !strings.HasPrefix(line, "apiserver_flowcontrol_dispatched_requests_total{") || !strings.Contains(line, `flow_schema="global-default"`) {
			continue
		}
		n, err := strconv.ParseFloat(line[strings.LastIndex(line, " ")+1:], 64)
		if err != nil {
			return 0, fmt.Errorf("read API server metrics: %w", err)
		}
		sum, found = sum+n, true
	}
	if !found {
		return 0, errors.New("API server metrics have no requests of flow schema global-default")
	}
	return int(sum), nil
}
