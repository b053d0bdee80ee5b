package rollout

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/health"
)

var web = object(health.Deployment, "shop", "web")

func object(kind health.Kind, namespace, name string) health.Object {
	return health.Object{Kind: kind, Namespace: namespace, Name: name}
}

// world is a cluster with one Deployment, "web", whose pods the test controls, on
// the simulated clock.
type world struct {
	t      *testing.T
	client *fake.Clientset
	deploy *appsv1.Deployment
	set    *appsv1.ReplicaSet
	probe  *corev1.Probe

	mu     sync.Mutex
	events []event.Event
	begin  time.Time
}

func newWorld(t *testing.T, replicas int32) *world {
	w := &world{
		t: t, client: fake.NewSimpleClientset(), begin: time.Now(),
		probe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/health", Port: port(4000)}}, PeriodSeconds: 5},
	}
	w.deploy = &appsv1.Deployment{
		ObjectMeta: w.meta("web", nil),
		Spec:       appsv1.DeploymentSpec{Replicas: &replicas},
	}
	w.deploy.Spec.Template.Spec.Containers = []corev1.Container{{
		Name: "web", Image: "web:1", ReadinessProbe: w.probe,
		Ports: []corev1.ContainerPort{{ContainerPort: 4000}},
	}}
	w.deploy.Generation = 1
	w.deploy.Status.ObservedGeneration = 1
	w.set = &appsv1.ReplicaSet{ObjectMeta: w.meta("web-1", w.deploy), Spec: appsv1.ReplicaSetSpec{Replicas: &replicas, Template: w.deploy.Spec.Template}}
	w.add(w.deploy)
	w.add(w.set)
	return w
}

func (w *world) withoutProbe() {
	w.deploy.Spec.Template.Spec.Containers[0].ReadinessProbe = nil
	w.set.Spec.Template = w.deploy.Spec.Template
	if err := w.client.Tracker().Update(replicaSetsGVR, w.set, "shop"); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) meta(name string, owner metav1.Object) metav1.ObjectMeta {
	m := metav1.ObjectMeta{Name: name, Namespace: "shop", UID: types.UID("uid-" + name), CreationTimestamp: metav1.Now()}
	if owner != nil {
		yes := true
		m.OwnerReferences = []metav1.OwnerReference{{UID: owner.GetUID(), Name: owner.GetName(), Controller: &yes}}
	}
	return m
}

func (w *world) add(o runtime.Object) {
	w.t.Helper()
	if err := w.client.Tracker().Add(o.DeepCopyObject()); err != nil {
		w.t.Fatal(err)
	}
}

// pod adds or replaces a pod.
func (w *world) pod(name string, s corev1.ContainerStatus) {
	w.t.Helper()
	s.Name = "web"
	p := &corev1.Pod{ObjectMeta: w.meta(name, w.set), Spec: w.deploy.Spec.Template.Spec}
	old, err := w.client.Tracker().Get(podsGVR, "shop", name)
	if err == nil {
		p.CreationTimestamp = old.(*corev1.Pod).CreationTimestamp
	}
	p.Spec.NodeName = "node-1"
	p.Status.Phase = corev1.PodPending
	p.Status.ContainerStatuses = []corev1.ContainerStatus{s}
	if s.State.Running != nil {
		p.Status.Phase = corev1.PodRunning
	}
	ready := corev1.ConditionFalse
	if s.Ready {
		ready = corev1.ConditionTrue
	}
	p.Status.Conditions = []corev1.PodCondition{
		{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: p.CreationTimestamp},
		{Type: corev1.ContainersReady, Status: ready, LastTransitionTime: metav1.Now()},
		{Type: corev1.PodReady, Status: ready, LastTransitionTime: metav1.Now()},
	}
	if err != nil {
		w.add(p)
		return
	}
	if err := w.client.Tracker().Update(podsGVR, p, "shop"); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) available(n int32) {
	w.t.Helper()
	d := w.deploy.DeepCopy()
	all := *d.Spec.Replicas
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: all, UpdatedReplicas: all, ReadyReplicas: n, AvailableReplicas: n}
	if err := w.client.Tracker().Update(deploymentsGVR, d, "shop"); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) addEvent(pod, reason, message string) {
	w.add(&corev1.Event{
		ObjectMeta:     w.meta(fmt.Sprintf("%s.%d", pod, time.Now().UnixNano()), nil),
		InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: "shop", Name: pod, UID: types.UID("uid-" + pod), FieldPath: "spec.containers{web}"},
		Reason:         reason, Message: message, Count: 1, FirstTimestamp: metav1.Now(), LastTimestamp: metav1.Now(),
	})
}

func (w *world) wait(ctx context.Context, watcher Watcher, objects ...health.Object) error {
	watcher.Client = w.client
	if len(objects) == 0 {
		objects = []health.Object{web}
	}
	return watcher.Wait(ctx, objects, event.ReporterFunc(func(e event.Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		e.Time = time.Now()
		w.events = append(w.events, e)
	}))
}

func (w *world) after() time.Duration { return time.Since(w.begin).Round(time.Second) }

// reported returns the events of a kind as "outcome message".
func (w *world) reported(kind event.Kind) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []string
	for _, e := range w.events {
		if e.Kind == kind {
			found = append(found, fmt.Sprintf("%s%s", prefix(e), e.Message))
		}
	}
	return found
}

func prefix(e event.Event) string {
	if e.Outcome == "" {
		return ""
	}
	return string(e.Outcome) + " "
}

// requireFailure checks the class of a Failure and returns its first cause.
func requireFailure(t *testing.T, err error, class fault.Class) health.Cause {
	t.Helper()
	f := requireFailed(t, err)
	if got := fault.ClassOf(err); got != class {
		t.Errorf("got class %q of %q, want %q", got, err, class)
	}
	if len(f.Causes) == 0 {
		t.Fatal("got a failure without causes")
	}
	return f.Causes[0]
}

func requireFailed(t *testing.T, err error) *Failure {
	t.Helper()
	var f *Failure
	if !errors.As(err, &f) {
		t.Fatalf("got error %v, want a *Failure", err)
	}
	return f
}

func within(t *testing.T, w *world, low, high time.Duration) {
	t.Helper()
	if got := w.after(); got < low || got > high {
		t.Errorf("got %s, want %s to %s", got, low, high)
	}
}

func running(ready bool) corev1.ContainerStatus {
	return corev1.ContainerStatus{Ready: ready, Started: &ready, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}}}
}

func waitingFor(reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
}

func crashedNow(restarts int32) corev1.ContainerStatus {
	s := waitingFor("CrashLoopBackOff", "back-off restarting failed container")
	s.RestartCount = restarts
	s.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", StartedAt: metav1.Now(), FinishedAt: metav1.Now()}
	return s
}

// lostWithNode returns the status of a container lost in a node crash.
func lostWithNode(restarts int32) corev1.ContainerStatus {
	end := &corev1.ContainerStateTerminated{ExitCode: 255, Reason: "Unknown", FinishedAt: metav1.Now()}
	if restarts == 0 {
		return corev1.ContainerStatus{State: corev1.ContainerState{Terminated: end}}
	}
	s := running(false)
	s.RestartCount, s.LastTerminationState.Terminated = restarts, end
	return s
}

// failing makes requests fail while broken returns an error.
func (w *world) failing(verb string, broken func() error) {
	w.client.PrependReactor(verb, "*", func(k8stesting.Action) (bool, runtime.Object, error) {
		err := broken()
		return err != nil, nil, err
	})
}
