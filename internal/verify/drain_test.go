package verify

import (
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/verify/checks"
	"tkdeploy.dev/tkdeploy/internal/verify/pods/podstest"
)

func TestRunner_awaitEndpointDrain(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		terminating bool
		goneAfter   time.Duration // 0: never
		replacedAgo time.Duration
		want        time.Duration
	}{
		"nothing was replaced":         {false, 0, time.Hour, 0},
		"pod drains for long":          {true, 0, time.Hour, time.Second},
		"pod terminates soon":          {true, 300 * time.Millisecond, time.Hour, 400 * time.Millisecond},
		"pod has terminated":           {false, 0, 100 * time.Millisecond, 900 * time.Millisecond},
		"replaced pod terminates soon": {true, 300 * time.Millisecond, 100 * time.Millisecond, 900 * time.Millisecond},
		"replaced pod drains for long": {true, 0, 100 * time.Millisecond, time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				old := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "feed-1", Namespace: "app"}}
				if tt.terminating {
					old.DeletionTimestamp = &metav1.Time{Time: time.Now().Add(30 * time.Second)}
					old.Finalizers = []string{"kubelet"} // required by the fake server
				}
				log := line(t, passed(checks.ClusterDNS)) + line(t, passed("feed/dns")) + line(t, passed("feed/tcp-80"))
				client := (&podstest.Kubelet{States: []corev1.PodStatus{running()}, Logs: []string{log}}).Cluster(t, old)
				if tt.goneAfter > 0 {
					time.AfterFunc(tt.goneAfter, func() {
						if err := client.Tracker().Delete(schema.GroupVersionResource{Version: "v1", Resource: "pods"}, "app", "feed-1"); err != nil {
							t.Error(err)
						}
					})
				}
				start := time.Now()
				options := optionsFor(client)
				options.PodsReplacedAt = start.Add(-tt.replacedAgo)
				if err := New(options).Verify(t.Context(), threeChecks, nil, event.Discard); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start) - time.Second; took != tt.want { // the kubelet takes a second
					t.Errorf("created the pod after %s, want %s", took, tt.want)
				}
			})
		})
	}
}
