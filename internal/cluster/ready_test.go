package cluster

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func TestCheckReady(t *testing.T) {
	t.Parallel()
	docker := &fakeDocker{containers: []container{node(ownMount, true)}}
	base := newCluster(t, docker, &fakeKind{})
	for name, test := range map[string]struct {
		pod   *corev1.Pod
		since time.Time
		want  string
	}{
		"everything restarted":                       {podRunningSince(startTime.Add(time.Second)), startTime, ""},
		"pod started before the restart":             {podRunningSince(startTime.Add(-time.Hour)), startTime, "pod shop/postgres-0 on node shop-dev-control-plane has not been restarted yet"},
		"kubelet has not reported since the restart": {podRunningSince(startTime.Add(time.Hour)), startTime.Add(time.Minute), "kubelet of node shop-dev-control-plane has not reported yet"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, docker, &fakeKind{}, append(healthyObjects(base), test.pod)...)
			client, err := c.Client()
			if err != nil {
				t.Fatal(err)
			}
			if _, got := checkReady(t.Context(), client, map[string]time.Time{"shop-dev-control-plane": test.since}); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
