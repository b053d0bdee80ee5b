package cluster

import (
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"tkdeploy.dev/tkdeploy/internal/event"
)

const (
	controlName = "shop-dev-control-plane"
	workerName  = "shop-dev-worker"
)

// fakeNode is a node of a cluster with a worker, and a pod on it.
type fakeNode struct {
	stopped, paused, gone, unregistered bool
	started, reported, podStarted       time.Time
}

var (
	restart   = startTime.Add(time.Hour)
	untouched = fakeNode{started: startTime, reported: restart.Add(time.Minute), podStarted: startTime.Add(10 * time.Second)}
	restarted = fakeNode{started: restart, reported: restart.Add(time.Minute), podStarted: restart.Add(10 * time.Second)}
)

func (n fakeNode) with(change func(*fakeNode)) fakeNode {
	change(&n)
	return n
}

func (n fakeNode) container(name string) container {
	c := node(ownMount, !n.stopped)
	c.Name, c.State.StartedAt, c.State.Paused = name, n.started, n.paused
	if name != controlName {
		c.Config.Labels = map[string]string{roleLabel: "worker"}
	}
	return c
}

func (n fakeNode) objects(name string) []runtime.Object {
	pod := podRunningSince(n.podStarted)
	pod.Name, pod.Spec.NodeName = "web-on-"+name, name
	if n.unregistered {
		return []runtime.Object{pod}
	}
	reported := metav1.NewMicroTime(n.reported)
	return []runtime.Object{
		pod,
		&corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec:       corev1.NodeSpec{ProviderID: "kind://docker/shop-dev/" + name},
			Status: corev1.NodeStatus{
				NodeInfo:   corev1.NodeSystemInfo{KubeletVersion: "v1.37.0"},
				Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
			},
		},
		&coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: corev1.NamespaceNodeLease},
			Spec:       coordinationv1.LeaseSpec{RenewTime: &reported},
		},
	}
}

// newTwoNodes returns a complete cluster with a worker.
func newTwoNodes(t *testing.T, control, worker fakeNode) (*Cluster, *fakeDocker) {
	t.Helper()
	docker := &fakeDocker{}
	for name, n := range map[string]fakeNode{controlName: control, workerName: worker} {
		if !n.gone {
			docker.containers = append(docker.containers, n.container(name))
		}
	}
	spec := Spec{Workers: 1, Ports: []Port{{0, 30400}}}
	objects := append(control.objects(controlName), worker.objects(workerName)...)
	objects = append(objects, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: markerName, Namespace: metav1.NamespaceSystem},
		Data:       map[string]string{"spec": spec.hash()},
	})
	c := newCluster(t, docker, &fakeKind{}, objects...)
	c.Workers = spec.Workers
	return c, docker
}

func TestCluster_Observe_twoNodes(t *testing.T) {
	t.Parallel()
	const running = "cluster shop-dev runs Kubernetes v1.37.0"
	silent := restarted.with(func(n *fakeNode) { n.reported = restart.Add(-time.Second) })
	stale := restarted.with(func(n *fakeNode) { n.podStarted = startTime.Add(10 * time.Second) })
	stopped := untouched.with(func(n *fakeNode) { n.stopped = true })
	paused := untouched.with(func(n *fakeNode) { n.paused = true })
	gone := untouched.with(func(n *fakeNode) { n.gone = true })
	unregistered := untouched.with(func(n *fakeNode) { n.unregistered = true })
	for name, test := range map[string]struct {
		control, worker fakeNode
		phase           Phase
		reason          string
	}{
		"restarted worker":                     {untouched, restarted, Running, running},
		"restarted control plane":              {restarted, untouched, Running, running},
		"both restarted":                       {restarted, restarted, Running, running},
		"kubelet of the worker is silent":      {untouched, silent, NotReady, "kubelet of node shop-dev-worker has not reported yet"},
		"kubelet of the control plane is":      {silent, untouched, NotReady, "kubelet of node shop-dev-control-plane has not reported yet"},
		"old pod on the worker":                {untouched, stale, NotReady, "pod shop/web-on-shop-dev-worker on node shop-dev-worker has not been restarted yet"},
		"old pod on the control plane":         {stale, restarted, NotReady, "pod shop/web-on-shop-dev-control-plane on node shop-dev-control-plane has not been restarted yet"},
		"worker has not registered":            {untouched, unregistered, NotReady, "node shop-dev-worker has not registered yet"},
		"stopped worker":                       {untouched, stopped, Stopped, "node shop-dev-worker is stopped"},
		"stopped control plane":                {stopped, untouched, Stopped, "node shop-dev-control-plane is stopped"},
		"both stopped":                         {stopped, stopped, Stopped, "node shop-dev-control-plane is stopped"},
		"paused worker":                        {untouched, paused, Paused, "node shop-dev-worker is paused"},
		"paused control plane, stopped worker": {paused, stopped, Paused, "node shop-dev-control-plane is paused"},
		"container of the worker is gone":      {untouched, gone, Outdated, "1 of 2 node containers exist"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := newTwoNodes(t, test.control, test.worker)
			got, err := c.Observe(t.Context())
			if err != nil || got.Phase != test.phase || got.Reason != test.reason {
				t.Errorf("got %s (%s), %v, want %s (%s)", got.Phase, got.Reason, err, test.phase, test.reason)
			}
		})
	}
}

func TestCluster_Ensure_twoNodes(t *testing.T) {
	t.Parallel()
	stopped := untouched.with(func(n *fakeNode) { n.stopped = true })
	paused := untouched.with(func(n *fakeNode) { n.paused = true })
	for name, test := range map[string]struct {
		control, worker fakeNode
		changes         string
	}{
		"starts a stopped worker":              {untouched, stopped, "start exec exec"},
		"starts a stopped control plane":       {stopped, untouched, "start exec exec"},
		"starts both nodes":                    {stopped, stopped, "start start exec exec"},
		"resumes a paused worker":              {untouched, paused, "unpause exec exec"},
		"resumes and starts":                   {paused, stopped, "unpause start exec exec"},
		"leaves a cluster that recovers alone": {untouched, restarted, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, docker := newTwoNodes(t, test.control, test.worker)
			if err := c.Ensure(t.Context(), event.Discard); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(docker.changed(), " "); got != test.changes {
				t.Errorf("got changes %q, want %q", got, test.changes)
			}
		})
	}
}
