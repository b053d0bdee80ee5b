//go:build e2e

package e2e

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// pods returns pods by UID, except terminating ones.
func pods(t *testing.T, client kubernetes.Interface, namespace string) map[string]corev1.Pod {
	t.Helper()
	list, err := client.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]corev1.Pod{}
	for _, pod := range list.Items {
		if pod.DeletionTimestamp == nil {
			found[string(pod.UID)] = pod
		}
	}
	return found
}

func restarts(pod corev1.Pod) int32 {
	var n int32
	for _, c := range pod.Status.ContainerStatuses {
		n += c.RestartCount
	}
	return n
}

func podsOf(t *testing.T, client kubernetes.Interface, name string) []corev1.Pod {
	t.Helper()
	list, err := client.CoreV1().Pods(stackNamespace).List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=" + name})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func isReady(pod corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func scale(t *testing.T, client kubernetes.Interface, name string, replicas int) {
	t.Helper()
	body := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas)
	apps := client.AppsV1()
	_, err := apps.Deployments(stackNamespace).Patch(t.Context(), name, types.MergePatchType, body, metav1.PatchOptions{})
	if err != nil {
		_, err = apps.StatefulSets(stackNamespace).Patch(t.Context(), name, types.MergePatchType, body, metav1.PatchOptions{})
	}
	if err != nil {
		t.Fatalf("scale %s to %d: %v", name, replicas, err)
	}
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !done(); {
		if time.Now().After(deadline) {
			t.Fatalf("timed out after 2 minutes waiting for %s", what)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// waitForReadyPods ignores failed pods, because tkdeploy keeps the pod of a failed test.
func waitForReadyPods(t *testing.T, client kubernetes.Interface) {
	t.Helper()
	waitFor(t, "all pods to be ready", func() bool {
		for _, pod := range pods(t, client, stackNamespace) {
			if !isReady(pod) && pod.Status.Phase != corev1.PodFailed {
				return false
			}
		}
		return true
	})
}
