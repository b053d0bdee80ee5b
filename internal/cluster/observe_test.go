package cluster

import (
	context "context"
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

func TestCluster_Observe(t *testing.T) {
	t.Parallel()
	healthy := healthyObjects
	for name, test := range map[string]struct {
		containers []container
		objects    func(*Cluster) []runtime.Object
		want       Phase
	}{
		"no container":                    {nil, nil, Absent},
		"a container without our mount":   {[]container{node("/somewhere", true)}, healthy, NotOwned},
		"one of another environment":      {[]container{node("/etc/tkdeploy/shop/ci", true)}, healthy, NotOwned},
		"a stopped container":             {[]container{node(ownMount, false)}, healthy, Stopped},
		"no marker":                       {[]container{node(ownMount, true)}, nil, Incomplete},
		"a healthy cluster":               {[]container{node(ownMount, true)}, healthy, Running},
		"settings that it cannot take on": {[]container{node(ownMount, true)}, func(c *Cluster) []runtime.Object { c.Workers = 7; o := healthyObjects(c); c.Workers = 0; return o }, Outdated},
		"a node that is not ready": {[]container{node(ownMount, true)}, func(c *Cluster) []runtime.Object {
			objects := healthyObjects(c)
			objects[1].(*corev1.Node).Status.Conditions[0].Status = corev1.ConditionFalse
			return objects
		}, NotReady},
		"a kubeconfig that leads to other nodes": {[]container{node(ownMount, true)}, func(c *Cluster) []runtime.Object {
			objects := healthyObjects(c)
			objects[1].(*corev1.Node).Spec.ProviderID = "aws:///eu-west-1a/i-1"
			return objects
		}, NotOwned},
		"one that leads to other nodes, and no marker": {[]container{node(ownMount, true)}, func(c *Cluster) []runtime.Object {
			objects := healthyObjects(c)[1:]
			objects[0].(*corev1.Node).Spec.ProviderID = "kind://docker/other/other-control-plane"
			return objects
		}, NotOwned},
		// Docker restarts nodes by itself; the smoke test then had to wait for pods
		// that the API server still called ready
		"pods that were not restarted since": {[]container{node(ownMount, true)}, func(c *Cluster) []runtime.Object {
			return append(healthyObjects(c), podRunningSince(startTime.Add(-time.Hour)))
		}, NotReady},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docker := &fakeDocker{containers: test.containers}
			c := newCluster(t, docker, &fakeKind{})
			if test.objects != nil {
				c = newCluster(t, docker, &fakeKind{}, test.objects(c)...)
			}
			got, err := c.Observe(t.Context())
			if err != nil || got.Phase != test.want {
				t.Errorf("got %s (%s), %v, want %s", got.Phase, got.Reason, err, test.want)
			}
			if changes := docker.changed(); len(changes) > 0 {
				t.Errorf("looking changed something: %v", changes)
			}
		})
	}
}

func TestCluster_notOwned(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(*Cluster, context.Context) error{
		"by Preflight": func(c *Cluster, ctx context.Context) error { return c.Preflight(ctx, event.Discard) },
		"by Ensure":    func(c *Cluster, ctx context.Context) error { return c.Ensure(ctx, event.Discard) },
		"by Delete":    func(c *Cluster, ctx context.Context) error { return c.Delete(ctx, true, event.Discard) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docker := &fakeDocker{containers: []container{node("/somewhere", true)}}
			c := newCluster(t, docker, &fakeKind{})
			if err := do(c, t.Context()); fault.ClassOf(err) != fault.NotOwned {
				t.Errorf("got %v", err)
			}
			if changes := docker.changed(); len(changes) > 0 {
				t.Errorf("changed %v", changes)
			}
			if _, err := os.Stat(c.Kubeconfig()); err != nil {
				t.Error(err)
			}
		})
	}
}
