package health

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func n32(n int32) *int32 { return &n }

func TestMeasureDeployment(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		status  appsv1.DeploymentStatus
		paused  bool
		state   State
		message string
	}{
		{"is ready when all pods are new and available", appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 3}, false, Ready, "3 of 3 ready"},
		{"is not when its controller has not seen the newest generation", appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 3}, false, Progressing, "3 of 3 ready"},
		{"is not when one pod is not available, whatever maxUnavailable allows", appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 2}, false, Progressing, "2 of 3 ready"},
		{"does not count old pods as ready", appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 4, UpdatedReplicas: 1, ReadyReplicas: 3, AvailableReplicas: 3}, false, Progressing, "0 of 3 ready"},
		{"is not as long as an old pod is left", appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 4, UpdatedReplicas: 3, ReadyReplicas: 4, AvailableReplicas: 4}, false, Progressing, "3 of 3 ready; 1 old pod to end"},
		{"is paused when its spec says so", appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 3, AvailableReplicas: 3}, true, Paused, "0 of 3 ready; paused"},
		{"is ready when paused after its rollout", appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 3}, true, Ready, "3 of 3 ready"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", Generation: 2}}
			d.Spec = appsv1.DeploymentSpec{Replicas: n32(3), Paused: test.paused}
			d.Status = test.status
			checkMeasure(t, Snapshot{Objects: []Object{web}, Deployments: []*appsv1.Deployment{d}}, test.state, test.message)
		})
	}
}

func TestMeasureStatefulSet(t *testing.T) {
	t.Parallel()
	rolling := func(partition *int32) appsv1.StatefulSetUpdateStrategy {
		return appsv1.StatefulSetUpdateStrategy{Type: appsv1.RollingUpdateStatefulSetStrategyType, RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{Partition: partition}}
	}
	status := func(updated, available int32) appsv1.StatefulSetStatus {
		return appsv1.StatefulSetStatus{ObservedGeneration: 1, Replicas: 3, UpdatedReplicas: updated, ReadyReplicas: available, AvailableReplicas: available, CurrentRevision: "a", UpdateRevision: "b"}
	}
	tests := []struct {
		name     string
		strategy appsv1.StatefulSetUpdateStrategy
		status   appsv1.StatefulSetStatus
		state    State
		message  string
	}{
		{"is ready when every pod has the update revision", rolling(nil), status(3, 3), Ready, "3 of 3 ready"},
		{"is not while a pod has the old revision", rolling(nil), status(2, 3), Progressing, "2 of 3 updated"},
		{"leaves the pods below its partition", rolling(n32(2)), status(1, 3), Ready, "1 of 3 updated"},
		{"waits for the pods from its partition on", rolling(n32(1)), status(1, 3), Progressing, "1 of 3 updated"},
		{"leaves all pods if they are updated by hand", appsv1.StatefulSetUpdateStrategy{Type: appsv1.OnDeleteStatefulSetStrategyType}, status(0, 3), Ready, "0 of 3 updated"},
		{"is not when a pod is not available", rolling(nil), status(3, 2), Progressing, "2 of 3 ready"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: "db", Namespace: "shop", Generation: 1}}
			set.Spec = appsv1.StatefulSetSpec{Replicas: n32(3), UpdateStrategy: test.strategy}
			set.Status = test.status
			checkMeasure(t, Snapshot{Objects: []Object{{StatefulSet, "shop", "db"}}, StatefulSets: []*appsv1.StatefulSet{set}}, test.state, test.message)
		})
	}
}

func TestMeasureDaemonSet(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		status  appsv1.DaemonSetStatus
		state   State
		message string
	}{
		{"is not ready before its controller has counted the nodes", appsv1.DaemonSetStatus{}, Progressing, "0 of 0 ready"},
		{"is ready with a new pod on every node", appsv1.DaemonSetStatus{ObservedGeneration: 1, DesiredNumberScheduled: 2, CurrentNumberScheduled: 2, UpdatedNumberScheduled: 2, NumberAvailable: 2}, Ready, "2 of 2 ready"},
		{"is not ready with an old pod on one", appsv1.DaemonSetStatus{ObservedGeneration: 1, DesiredNumberScheduled: 2, CurrentNumberScheduled: 2, UpdatedNumberScheduled: 1, NumberAvailable: 2}, Progressing, "1 of 2 updated"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent", Namespace: "shop", Generation: 1}, Status: test.status}
			checkMeasure(t, Snapshot{Objects: []Object{{DaemonSet, "shop", "agent"}}, DaemonSets: []*appsv1.DaemonSet{d}}, test.state, test.message)
		})
	}
}

func TestMeasureJob(t *testing.T) {
	t.Parallel()
	job := Object{Job, "shop", "migrate"}
	t.Run("is ready when it is complete", func(t *testing.T) {
		t.Parallel()
		j := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "migrate", Namespace: "shop"}}
		j.Status = batchv1.JobStatus{Succeeded: 1, Conditions: []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue}}}
		checkMeasure(t, Snapshot{Objects: []Object{job}, Jobs: []*batchv1.Job{j}}, Ready, "1 of 1 complete")
	})
	t.Run("is not ready while it runs", func(t *testing.T) {
		t.Parallel()
		j := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "migrate", Namespace: "shop"}, Status: batchv1.JobStatus{Active: 1}}
		checkMeasure(t, Snapshot{Objects: []Object{job}, Jobs: []*batchv1.Job{j}}, Progressing, "0 of 1 complete")
	})
	t.Run("is ready when only its last event is left", func(t *testing.T) {
		t.Parallel()
		e := &corev1.Event{Reason: "Completed", InvolvedObject: corev1.ObjectReference{Kind: "Job", Namespace: "shop", Name: "migrate"}}
		checkMeasure(t, Snapshot{Objects: []Object{job}, Events: []*corev1.Event{e}}, Ready, "complete, and deleted since")
	})
	t.Run("is absent when nothing is known of it", func(t *testing.T) {
		t.Parallel()
		checkMeasure(t, Snapshot{Objects: []Object{job}}, Absent, "does not exist")
	})
}

func checkMeasure(t *testing.T, s Snapshot, state State, message string) {
	t.Helper()
	w := ComputeStatus(s, DefaultThresholds(), time.Now())[0]
	if w.State != state || w.Message != message {
		t.Errorf("%s, %q; want %s, %q", w.State, w.Message, state, message)
	}
}

// After a rollback the newest revision is not the youngest ReplicaSet.
func TestNewPodsAreThoseOfTheDeploymentsOwnTemplate(t *testing.T) {
	t.Parallel()
	template := func(image string) corev1.PodTemplateSpec {
		return corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Image: image}}}}
	}
	yes := true
	owned := func(name, owner string, at int64) metav1.ObjectMeta {
		return metav1.ObjectMeta{
			Name: name, UID: types.UID("uid-" + name), CreationTimestamp: metav1.Unix(at, 0),
			OwnerReferences: []metav1.OwnerReference{{UID: types.UID("uid-" + owner), Controller: &yes}},
		}
	}
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{UID: "uid-web"}, Spec: appsv1.DeploymentSpec{Template: template("web:1")}}
	old := &appsv1.ReplicaSet{ObjectMeta: owned("web-1", "web", 100), Spec: appsv1.ReplicaSetSpec{Template: template("web:1")}}
	old.Spec.Template.Labels = map[string]string{appsv1.DefaultDeploymentUniqueLabelKey: "1"}
	young := &appsv1.ReplicaSet{ObjectMeta: owned("web-2", "web", 200), Spec: appsv1.ReplicaSetSpec{Template: template("web:2")}}
	ix := newIndex(Snapshot{
		ReplicaSets: []*appsv1.ReplicaSet{young, old},
		Pods: []*corev1.Pod{
			{ObjectMeta: owned("web-1-a", "web-1", 300)},
			{ObjectMeta: owned("web-2-a", "web-2", 210)},
		},
	})
	pods := ix.newPods(d)
	if len(pods) != 1 || pods[0].Name != "web-1-a" {
		t.Errorf("new pods: %v", pods)
	}
}
