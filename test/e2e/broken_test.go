//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// brokenParts takes away one part of the stack after the other, in make test all
// services and then all stores: verify ends with 15 and names what is gone. It comes
// back while the next is gone.
func testMissingParts(t *testing.T, p *project) {
	client := p.kube(t)
	services := []string{"api-gateway", "auth-service", "video-service", "interaction-service", "notification-service"}
	stores := []string{"redis", "kafka", "postgres"}
	rounds := [][]string{services, stores}
	if slowTests() {
		rounds = slices.Collect(slices.Chunk(slices.Concat(services, stores), 1))
	}
	for _, gone := range rounds {
		t.Run(strings.Join(gone, ", "), func(t *testing.T) {
			for _, name := range gone {
				scale(t, client, name, 0)
				defer scale(t, client, name, 1)
			}
			for _, name := range gone {
				waitFor(t, name+" to be gone", func() bool { return len(podsOf(t, client, name)) == 0 })
			}
			verify := p.run(t, "verify").wantExit(t, 15)
			for _, name := range gone {
				verify.wantStderr(t, "✗ "+name+"/", name+": ")
			}
		})
	}
	waitForReadyPods(t, client)
	p.run(t, "verify").wantExit(t, 0)
}

// scale gives a workload other replicas.
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

// awaitAllReady waits until every pod of the stack is ready, but for a failed test's, which is kept for its log.
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

// await asks until the answer is yes, for at most 2 minutes.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !done(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited 2 minutes for %s", what)
		}
		time.Sleep(200 * time.Millisecond)
	}
}
