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

// The pod that asks is made when no Service leads to an old pod any more.
func TestRunner_awaitEndpointDrain(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		told     bool          // to end
		gone     time.Duration // 0 is never
		replaced time.Duration // ago
		want     time.Duration
	}{
		"nothing was replaced":                    {false, 0, time.Hour, 0},
		"it drains for long":                      {true, 0, time.Hour, time.Second},
		"it ends after a moment":                  {true, 300 * time.Millisecond, time.Hour, 400 * time.Millisecond},
		"it ended before anybody looked":          {false, 0, 100 * time.Millisecond, 900 * time.Millisecond},
		"it was replaced, and ends in a moment":   {true, 300 * time.Millisecond, 100 * time.Millisecond, 900 * time.Millisecond},
		"it was replaced, and the wait is for it": {true, 0, 100 * time.Millisecond, time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				old := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "feed-1", Namespace: "app"}}
				if tt.told {
					old.DeletionTimestamp = &metav1.Time{Time: time.Now().Add(30 * time.Second)}
					old.Finalizers = []string{"kubelet"} // the fake server wants one
				}
				log := line(t, passed(checks.ClusterDNS)) + line(t, passed("feed/dns")) + line(t, passed("feed/tcp-80"))
				client := (&podstest.Kubelet{States: []corev1.PodStatus{running()}, Logs: []string{log}}).Cluster(t, old)
				if tt.gone > 0 {
					time.AfterFunc(tt.gone, func() {
						if err := client.Tracker().Delete(schema.GroupVersionResource{Version: "v1", Resource: "pods"}, "app", "feed-1"); err != nil {
							t.Error(err)
						}
					})
				}
				start := time.Now()
				options := optionsFor(client)
				options.PodsReplacedAt = start.Add(-tt.replaced)
				if err := New(options).Verify(t.Context(), threeChecks, nil, event.Discard); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start) - time.Second; took != tt.want { // the node takes a second
					t.Errorf("asked after %s, want %s", took, tt.want)
				}
			})
		})
	}
}
