package ready

import (
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

// The cluster's tests check restarts of one of several nodes.
func TestCheck(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		podStarted, reported time.Time
		condition            corev1.ConditionStatus
		want                 string
	}{
		"everything restarted":                       {start.Add(time.Second), start.Add(time.Second), corev1.ConditionTrue, ""},
		"pod started in the second of the restart":   {start.Truncate(time.Second), start.Add(time.Second), corev1.ConditionTrue, ""},
		"pod started before the restart":             {start.Add(-time.Hour), start.Add(time.Second), corev1.ConditionTrue, "pod shop/postgres-0 on node n1 has not been restarted yet"},
		"kubelet has not reported since the restart": {start.Add(time.Second), start.Add(-time.Second), corev1.ConditionTrue, "kubelet of node n1 has not reported yet"},
		"node is not ready":                          {start.Add(time.Second), start.Add(time.Second), corev1.ConditionUnknown, "node n1 is not ready"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reported := metav1.NewMicroTime(test.reported)
			client := fake.NewClientset(
				&corev1.Node{
					ObjectMeta: metav1.ObjectMeta{Name: "n1"},
					Status:     corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: test.condition}}},
				},
				&coordinationv1.Lease{
					ObjectMeta: metav1.ObjectMeta{Name: "n1", Namespace: corev1.NamespaceNodeLease},
					Spec:       coordinationv1.LeaseSpec{RenewTime: &reported},
				},
				&corev1.Pod{
					ObjectMeta: metav1.ObjectMeta{Name: "postgres-0", Namespace: "shop"},
					Spec:       corev1.PodSpec{NodeName: "n1"},
					Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
						State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(test.podStarted)}},
					}}},
				})
			nodes, got := Check(t.Context(), client, map[string]time.Time{"n1": start.Add(200 * time.Millisecond)})
			if got != test.want || len(nodes) != 1 {
				t.Errorf("got %q, %d nodes, want %q, 1", got, len(nodes), test.want)
			}
		})
	}
}
