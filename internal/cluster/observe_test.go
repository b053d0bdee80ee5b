package cluster

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

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
		"no container":                      {nil, nil, Absent},
		"container without the owner mount": {[]container{node("/somewhere", true)}, healthy, NotOwned},
		"container of another environment":  {[]container{node("/etc/tkdeploy/shop/ci", true)}, healthy, NotOwned},
		"stopped container":                 {[]container{node(ownMount, false)}, healthy, Stopped},
		"paused container":                  {[]container{untouched.with(func(n *fakeNode) { n.paused = true }).container(controlName)}, healthy, Paused},
		"no marker":                         {[]container{node(ownMount, true)}, nil, Incomplete},
		"healthy cluster":                   {[]container{node(ownMount, true)}, healthy, Running},
		"different worker count":            {[]container{node(ownMount, true)}, func(c *Cluster) []runtime.Object { c.Workers = 7; o := healthyObjects(c); c.Workers = 0; return o }, Outdated},
		"node not ready": {[]container{node(ownMount, true)}, func(c *Cluster) []runtime.Object {
			objects := healthyObjects(c)
			objects[1].(*corev1.Node).Status.Conditions[0].Status = corev1.ConditionFalse
			return objects
		}, NotReady},
		"kubeconfig of another cluster": {[]container{node(ownMount, true)}, func(c *Cluster) []runtime.Object {
			objects := healthyObjects(c)
			objects[1].(*corev1.Node).Spec.ProviderID = "aws:///eu-west-1a/i-1"
			return objects
		}, NotOwned},
		"kubeconfig of another cluster, no marker": {[]container{node(ownMount, true)}, func(c *Cluster) []runtime.Object {
			objects := healthyObjects(c)[1:]
			objects[0].(*corev1.Node).Spec.ProviderID = "kind://docker/other/other-control-plane"
			return objects
		}, NotOwned},
		// After Docker restarts a node, the API server still reports the old pods
		// as ready.
		"pod not restarted after its node": {[]container{node(ownMount, true)}, func(c *Cluster) []runtime.Object {
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
				t.Errorf("got changes %v, want none", changes)
			}
		})
	}
}

func TestCluster_ObserveContainers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		containers []container
		want       Phase
	}{
		"no container":      {nil, Absent},
		"another owner":     {[]container{node("/etc/tkdeploy/shop/ci", true)}, NotOwned},
		"stopped container": {[]container{node(ownMount, false)}, Stopped},
		"started container": {[]container{node(ownMount, true)}, Running},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, &fakeDocker{containers: test.containers}, &fakeKind{})
			c.client = func(*rest.Config) (kubernetes.Interface, error) {
				return nil, errors.New("got a call of the API server")
			}
			got, err := c.ObserveContainers(t.Context())
			if err != nil || got.Phase != test.want {
				t.Errorf("got %s (%s), %v, want %s", got.Phase, got.Reason, err, test.want)
			}
		})
	}
}

func TestCluster_Observe_settings(t *testing.T) {
	t.Parallel()
	const running = "cluster shop-dev runs Kubernetes v1.37.0"
	created := Spec{Ports: []Port{{80, 30080}, {0, 30400}}}
	for name, test := range map[string]struct {
		marker string
		image  string // of the node
		ports  []Port
		phase  Phase
		reason string
	}{
		"other order of the ports":                 {created.hash(), "kindest/node:v1.37.0", []Port{{0, 30400}, {80, 30080}}, Running, running},
		"order of the ports in an earlier version": {created.hashOf(created.Ports), "kindest/node:v1.37.0", created.Ports, Running, running},
		"other port": {created.hash(), "kindest/node:v1.37.0", []Port{{0, 30400}, {81, 30080}}, Outdated, "ports or worker count differ from the configuration"},
		"other node image": {
			created.hash(), "kindest/node:v1.36.0", created.Ports, Running,
			running + " with node image kindest/node:v1.36.0; to use kindest/node:v1.37.0, recreate it: tkdeploy down --env dev && tkdeploy up --env dev",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := node(ownMount, true)
			n.Config.Image = test.image
			docker := &fakeDocker{containers: []container{n}}
			objects := healthyObjects(newCluster(t, docker, &fakeKind{}))
			objects[0].(*corev1.ConfigMap).Data["spec"] = test.marker
			c := newCluster(t, docker, &fakeKind{}, objects...)
			c.Ports = test.ports
			got, err := c.Observe(t.Context())
			if err != nil || got.Phase != test.phase || got.Reason != test.reason {
				t.Errorf("got %s (%s), %v, want %s (%s)", got.Phase, got.Reason, err, test.phase, test.reason)
			}
		})
	}
}

func TestCluster_notOwned(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(*Cluster, context.Context) error{
		"Preflight": func(c *Cluster, ctx context.Context) error { return c.Preflight(ctx, event.Discard) },
		"Ensure":    func(c *Cluster, ctx context.Context) error { return c.Ensure(ctx, event.Discard) },
		"Delete":    func(c *Cluster, ctx context.Context) error { return c.Delete(ctx, true, event.Discard) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docker := &fakeDocker{containers: []container{node("/somewhere", true)}}
			c := newCluster(t, docker, &fakeKind{})
			if err := do(c, t.Context()); fault.ClassOf(err) != fault.NotOwned {
				t.Errorf("got %v of class %q, want class %q", err, fault.ClassOf(err), fault.NotOwned)
			}
			if changes := docker.changed(); len(changes) > 0 {
				t.Errorf("got changes %v, want none", changes)
			}
			if _, err := os.Stat(c.Kubeconfig()); err != nil {
				t.Error(err)
			}
		})
	}
}
