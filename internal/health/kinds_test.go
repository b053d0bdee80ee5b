package health

import (
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func barePod(policy corev1.RestartPolicy, phase corev1.PodPhase, state corev1.ContainerState, ready bool) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "worker", Namespace: "shop", CreationTimestamp: metav1.NewTime(time.Unix(1_799_999_000, 0))}}
	p.Spec = corev1.PodSpec{NodeName: "node-1", RestartPolicy: policy, Containers: []corev1.Container{{Name: "worker", Image: "worker:1"}}}
	p.Status.Phase = phase
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "worker", State: state, Ready: ready}}
	if ready {
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	}
	return p
}

func runningSince(start time.Time) corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(start)}}
}

func exitedWith(code int32) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: "Error"}}
}

func TestComputeStatus_Pod(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	for name, test := range map[string]struct {
		pod     *corev1.Pod
		state   State
		message string
		cause   string // of Diagnose: reason, fatal
	}{
		"is ready while it runs":         {barePod(corev1.RestartPolicyAlways, corev1.PodRunning, runningSince(now.Add(-time.Minute)), true), Ready, "1 of 1 ready", ""},
		"must stay up":                   {barePod(corev1.RestartPolicyAlways, corev1.PodRunning, runningSince(now.Add(-time.Second)), true), Progressing, "1 of 1 started; waiting to see if it stays up", ""},
		"is not ready before its probe":  {barePod(corev1.RestartPolicyAlways, corev1.PodRunning, runningSince(now), false), Progressing, "0 of 1 ready; worker: running, not ready yet", ""},
		"is ready after its success":     {barePod(corev1.RestartPolicyNever, corev1.PodSucceeded, exitedWith(0), false), Ready, "1 of 1 ready", ""},
		"has failed for good":            {barePod(corev1.RestartPolicyNever, corev1.PodFailed, exitedWith(3), false), Progressing, "0 of 1 ready; worker: failed", "PodFailed fatal"},
		"is not restarted if evicted":    {barePod(corev1.RestartPolicyAlways, corev1.PodFailed, exitedWith(137), false), Progressing, "0 of 1 ready; worker: failed", "PodFailed fatal"},
		"that runs once may be deployed": {barePod(corev1.RestartPolicyNever, corev1.PodRunning, runningSince(now.Add(-time.Minute)), true), Ready, "1 of 1 ready", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Snapshot{Objects: []Object{{Pod, "shop", "worker"}}, Pods: []*corev1.Pod{test.pod}}
			w := ComputeStatus(s, DefaultThresholds(), now)[0]
			if w.State != test.state || w.Message != test.message || !slices.Equal(w.Images, []string{"worker:1"}) {
				t.Errorf("got %s, %q, images %q, want %s, %q", w.State, w.Message, w.Images, test.state, test.message)
			}
			var causes []string
			for _, c := range Diagnose(s, DefaultThresholds(), now) {
				cause := string(c.Reason)
				if c.Fatal() {
					cause += " fatal"
				}
				causes = append(causes, cause)
			}
			if got := strings.Join(causes, ", "); got != test.cause {
				t.Errorf("got causes %q, want %q", got, test.cause)
			}
		})
	}
}

func TestComputeStatus_ReplicaSet(t *testing.T) {
	t.Parallel()
	status := func(observed int64, replicas, available int32) appsv1.ReplicaSetStatus {
		return appsv1.ReplicaSetStatus{ObservedGeneration: observed, Replicas: replicas, AvailableReplicas: available}
	}
	for name, test := range map[string]struct {
		desired int32
		status  appsv1.ReplicaSetStatus
		state   State
		message string
	}{
		"is ready with all pods":                 {2, status(2, 2, 2), Ready, "2 of 2 ready"},
		"waits for its pods":                     {2, status(2, 2, 1), Progressing, "1 of 2 ready"},
		"waits for its controller":               {2, status(1, 2, 2), Progressing, "2 of 2 ready"},
		"waits until it has not too many":        {1, status(2, 2, 2), Progressing, "1 of 1 ready; 1 old pod still running"},
		"is ready without pods if it wants none": {0, status(2, 0, 0), Ready, "scaled to 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meta := metav1.ObjectMeta{Name: "copy", Namespace: "shop", Generation: 2}
			set := &appsv1.ReplicaSet{ObjectMeta: meta, Spec: appsv1.ReplicaSetSpec{Replicas: &test.desired}, Status: test.status}
			checkStatus(t, Snapshot{Objects: []Object{{ReplicaSet, "shop", "copy"}}, ReplicaSets: []*appsv1.ReplicaSet{set}}, test.state, test.message)
			controller := &corev1.ReplicationController{ObjectMeta: meta, Spec: corev1.ReplicationControllerSpec{Replicas: &test.desired}}
			controller.Status = corev1.ReplicationControllerStatus{ObservedGeneration: test.status.ObservedGeneration, Replicas: test.status.Replicas, AvailableReplicas: test.status.AvailableReplicas}
			checkStatus(t, Snapshot{Objects: []Object{{ReplicationController, "shop", "copy"}}, Controllers: []*corev1.ReplicationController{controller}}, test.state, test.message)
		})
	}
}

func TestComputeStatus_ScaledToZero(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status  appsv1.DeploymentStatus
		state   State
		message string
	}{
		"is ready without pods":         {appsv1.DeploymentStatus{ObservedGeneration: 2}, Ready, "scaled to 0"},
		"waits for its last pod to end": {appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1}, Progressing, "0 of 0 ready; 1 old pod still running"},
		"waits for its controller":      {appsv1.DeploymentStatus{ObservedGeneration: 1}, Progressing, "scaled to 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", Generation: 2}, Spec: appsv1.DeploymentSpec{Replicas: n32(0)}, Status: test.status}
			checkStatus(t, Snapshot{Objects: []Object{web}, Deployments: []*appsv1.Deployment{d}}, test.state, test.message)
		})
	}
}

func TestComputeStatus_SuspendedJob(t *testing.T) {
	t.Parallel()
	migrate, yes := Object{Job, "shop", "migrate"}, true
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "migrate", Namespace: "shop"}, Spec: batchv1.JobSpec{Suspend: &yes}}
	byQueue := Snapshot{Objects: []Object{migrate}, Jobs: []*batchv1.Job{job}}
	byChart := byQueue
	byChart.Suspended = map[Object]bool{migrate: true}
	t.Run("is ready if the chart suspends it", func(t *testing.T) {
		checkStatus(t, byChart, Ready, "suspended by the chart")
	})
	t.Run("is waited for, and is not fatal, if a queue suspends it", func(t *testing.T) {
		checkStatus(t, byQueue, Paused, "0 of 1 complete; paused")
		causes := Diagnose(byQueue, DefaultThresholds(), time.Unix(1_800_000_000, 0))
		if len(causes) != 1 || causes[0].Reason != RolloutPaused || !causes[0].FatalAt.IsZero() {
			t.Errorf("got causes %+v, want one RolloutPaused that is never fatal", causes)
		}
	})
}

func TestComputeStatus_Custom(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	widget := Object{"Widget.example.com", "shop", "one"}
	for name, test := range map[string]struct {
		age       time.Duration
		status    map[string]any
		hasStatus bool
		unready   time.Duration // ago; 0: all were ready from the start
		state     State
		unjudged  bool
		message   string
	}{
		"is ready by its condition":                    {age: time.Minute, status: ready("True"), hasStatus: true, state: Ready, message: "1 of 1 ready"},
		"is not ready by its condition":                {age: time.Hour, status: ready("False"), hasStatus: true, state: Progressing, message: "Ready is False"},
		"gets time for its first condition":            {age: 5 * time.Second, hasStatus: true, state: Progressing, message: "has no status yet"},
		"gets time after its controller has started":   {age: 40 * time.Second, unready: 5 * time.Second, hasStatus: true, state: Progressing, message: "has no status yet"},
		"is not judged without a condition after that": {age: 40 * time.Second, unready: 11 * time.Second, hasStatus: true, state: Ready, unjudged: true, message: "not judged: has no condition Ready or Available"},
		"is not judged if it is older than the wait":   {age: time.Hour, unready: time.Second, hasStatus: true, state: Ready, unjudged: true, message: "not judged: has no condition Ready or Available"},
		"is not judged if its kind has no status":      {age: time.Second, state: Ready, unjudged: true, message: "not judged: has no condition Ready or Available"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "example.com/v1", "kind": "Widget"}}
			o.SetNamespace("shop")
			o.SetName("one")
			o.SetCreationTimestamp(metav1.NewTime(now.Add(-test.age)))
			if test.status != nil {
				o.Object["status"] = test.status
			}
			s := Snapshot{Objects: []Object{widget}, HasStatus: map[Kind]bool{widget.Kind: test.hasStatus}, Started: now.Add(-41 * time.Second)}
			if test.unready > 0 {
				s.Unready = now.Add(-test.unready)
			}
			s.Add(o)
			w := ComputeStatus(s, DefaultThresholds(), now)[0]
			if w.State != test.state || w.Message != test.message || w.Unjudged != test.unjudged {
				t.Errorf("got %s, %q, unjudged %t, want %s, %q, %t", w.State, w.Message, w.Unjudged, test.state, test.message, test.unjudged)
			}
			for _, c := range Diagnose(s, DefaultThresholds(), now) {
				if c.Reason != NotReady || !c.FatalAt.IsZero() {
					t.Errorf("got cause %+v, want NotReady that is never fatal", c)
				}
			}
		})
	}
	t.Run("does not fail because of a pod that its controller may replace", func(t *testing.T) {
		t.Parallel()
		o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "example.com/v1", "kind": "Widget", "status": ready("False")}}
		o.SetNamespace("shop")
		o.SetName("one")
		o.SetUID("widget")
		pod := barePod(corev1.RestartPolicyAlways, corev1.PodRunning, exitedWith(1), false)
		pod.OwnerReferences = []metav1.OwnerReference{{UID: "widget", Controller: new(true)}}
		pod.Status.ContainerStatuses[0].RestartCount = 9
		s := Snapshot{Objects: []Object{widget}, Pods: []*corev1.Pod{pod}}
		s.Add(o)
		causes := Diagnose(s, DefaultThresholds(), now)
		if len(causes) != 2 || causes[0].Reason != CrashLoop && causes[1].Reason != CrashLoop {
			t.Errorf("got causes %+v, want the condition and CrashLoop", causes)
		}
		for _, c := range causes {
			if c.Fatal() {
				t.Errorf("got a fatal cause %+v, want none", c)
			}
		}
	})
}

func ready(status string) map[string]any {
	return map[string]any{"conditions": []any{map[string]any{"type": "Ready", "status": status}}}
}

func TestComputeStatus_JobDeleted(t *testing.T) {
	t.Parallel()
	job, now := Object{Job, "shop", "migrate"}, time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	about := func(reason string, at time.Time) *corev1.Event {
		return &corev1.Event{Reason: reason, LastTimestamp: metav1.NewTime(at), InvolvedObject: corev1.ObjectReference{Kind: "Job", Namespace: "shop", Name: "migrate"}}
	}
	created, completed := about("SuccessfulCreate", now.Add(-time.Minute)), about("Completed", now.Add(-50*time.Second))
	for name, test := range map[string]struct {
		events []*corev1.Event
		want   State
	}{
		"is complete by its last event":          {[]*corev1.Event{completed, created}, Ready},
		"is not complete by an event of another": {[]*corev1.Event{created, completed, about("BackoffLimitExceeded", now)}, Absent},
		"is not complete without an event":       {nil, Absent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := ComputeStatus(Snapshot{Objects: []Object{job}, Events: test.events}, DefaultThresholds(), now)[0].State; got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
