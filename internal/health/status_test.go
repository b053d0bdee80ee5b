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

var web = Object{Deployment, "shop", "web"}

func n32(n int32) *int32 { return &n }

func TestComputeStatus_Deployment(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		status  appsv1.DeploymentStatus
		paused  bool
		state   State
		message string
	}{
		{"ready if all pods are new and available", appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 3}, false, Ready, "3 of 3 ready"},
		{"progressing until the controller observes the generation", appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 3}, false, Progressing, "3 of 3 ready"},
		{"progressing with one unavailable pod despite maxUnavailable", appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 2}, false, Progressing, "2 of 3 ready"},
		{"does not count old pods as ready", appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 4, UpdatedReplicas: 1, ReadyReplicas: 3, AvailableReplicas: 3}, false, Progressing, "0 of 3 ready"},
		{"progressing while an old pod runs", appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 4, UpdatedReplicas: 3, ReadyReplicas: 4, AvailableReplicas: 4}, false, Progressing, "3 of 3 ready; 1 old pod still running"},
		{"paused by its spec", appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 3, AvailableReplicas: 3}, true, Paused, "0 of 3 ready; paused"},
		{"ready if paused after the rollout", appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 3}, true, Ready, "3 of 3 ready"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", Generation: 2}}
			d.Spec = appsv1.DeploymentSpec{Replicas: n32(3), Paused: test.paused}
			d.Status = test.status
			checkStatus(t, Snapshot{Objects: []Object{web}, Deployments: []*appsv1.Deployment{d}}, test.state, test.message)
		})
	}
}

func TestComputeStatus_StatefulSet(t *testing.T) {
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
		{"ready if all pods have the update revision", rolling(nil), status(3, 3), Ready, "3 of 3 ready"},
		{"progressing while a pod has the old revision", rolling(nil), status(2, 3), Progressing, "2 of 3 updated"},
		{"ignores pods below the partition", rolling(n32(2)), status(1, 3), Ready, "1 of 3 updated"},
		{"waits for pods from the partition on", rolling(n32(1)), status(1, 3), Progressing, "1 of 3 updated"},
		{"ignores old pods of an OnDelete set", appsv1.StatefulSetUpdateStrategy{Type: appsv1.OnDeleteStatefulSetStrategyType}, status(0, 3), Ready, "0 of 3 updated"},
		{"progressing with an unavailable pod", rolling(nil), status(3, 2), Progressing, "2 of 3 ready"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: "db", Namespace: "shop", Generation: 1}}
			set.Spec = appsv1.StatefulSetSpec{Replicas: n32(3), UpdateStrategy: test.strategy}
			set.Status = test.status
			checkStatus(t, Snapshot{Objects: []Object{{StatefulSet, "shop", "db"}}, StatefulSets: []*appsv1.StatefulSet{set}}, test.state, test.message)
		})
	}
}

func TestComputeStatus_DaemonSet(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		status  appsv1.DaemonSetStatus
		state   State
		message string
	}{
		{"progressing until the controller has counted the nodes", appsv1.DaemonSetStatus{}, Progressing, "0 of 0 ready"},
		{"ready with a new pod on every node", appsv1.DaemonSetStatus{ObservedGeneration: 1, DesiredNumberScheduled: 2, CurrentNumberScheduled: 2, UpdatedNumberScheduled: 2, NumberAvailable: 2}, Ready, "2 of 2 ready"},
		{"progressing with an old pod on a node", appsv1.DaemonSetStatus{ObservedGeneration: 1, DesiredNumberScheduled: 2, CurrentNumberScheduled: 2, UpdatedNumberScheduled: 1, NumberAvailable: 2}, Progressing, "1 of 2 updated"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent", Namespace: "shop", Generation: 1}, Status: test.status}
			checkStatus(t, Snapshot{Objects: []Object{{DaemonSet, "shop", "agent"}}, DaemonSets: []*appsv1.DaemonSet{d}}, test.state, test.message)
		})
	}
}

func TestComputeStatus_Job(t *testing.T) {
	t.Parallel()
	job := Object{Job, "shop", "migrate"}
	t.Run("ready if complete", func(t *testing.T) {
		t.Parallel()
		j := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "migrate", Namespace: "shop"}}
		j.Status = batchv1.JobStatus{Succeeded: 1, Conditions: []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue}}}
		checkStatus(t, Snapshot{Objects: []Object{job}, Jobs: []*batchv1.Job{j}}, Ready, "1 of 1 complete")
	})
	t.Run("progressing while active", func(t *testing.T) {
		t.Parallel()
		j := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "migrate", Namespace: "shop"}, Status: batchv1.JobStatus{Active: 1}}
		checkStatus(t, Snapshot{Objects: []Object{job}, Jobs: []*batchv1.Job{j}}, Progressing, "0 of 1 complete")
	})
	t.Run("ready if only its completion event remains", func(t *testing.T) {
		t.Parallel()
		e := &corev1.Event{Reason: "Completed", InvolvedObject: corev1.ObjectReference{Kind: "Job", Namespace: "shop", Name: "migrate"}}
		checkStatus(t, Snapshot{Objects: []Object{job}, Events: []*corev1.Event{e}}, Ready, "complete, already deleted")
	})
	t.Run("absent if nothing is known", func(t *testing.T) {
		t.Parallel()
		checkStatus(t, Snapshot{Objects: []Object{job}}, Absent, "does not exist")
	})
}

func checkStatus(t *testing.T, s Snapshot, state State, message string) {
	t.Helper()
	w := ComputeStatus(s, DefaultThresholds(), time.Now())[0]
	if w.State != state || w.Message != message {
		t.Errorf("got %s, %q; want %s, %q", w.State, w.Message, state, message)
	}
}

func TestIndex_newPods(t *testing.T) {
	t.Parallel()
	t.Run("finds the older ReplicaSet after a rollback", func(t *testing.T) {
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
			t.Errorf("got new pods %v, want web-1-a", pods)
		}
	})
}
