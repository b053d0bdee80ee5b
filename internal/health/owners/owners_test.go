package owners

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func pod(name string, owner types.UID, revision string) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name), Labels: map[string]string{"app": "db", appsv1.ControllerRevisionHashLabelKey: revision}}}
	if owner != "" {
		yes := true
		p.OwnerReferences = []metav1.OwnerReference{{UID: owner, Controller: &yes}}
	}
	return p
}

func names(pods []*corev1.Pod) []string {
	var names []string
	for _, p := range pods {
		names = append(names, p.Name)
	}
	return names
}

func TestIndex_Newest(t *testing.T) {
	t.Parallel()
	leaving := pod("db-leaving", "set", "new")
	leaving.DeletionTimestamp = &metav1.Time{}
	mounted := pod("db-mounted", "", "new")
	mounted.OwnerReferences = []metav1.OwnerReference{{UID: "set"}} // not its controller
	pods := []*corev1.Pod{
		pod("db-0", "set", "new"), pod("db-1", "set", "old"), leaving, mounted,
		pod("backup", "job", "new"), pod("debug", "", "new"), pod("copy", "replicas", ""),
	}
	set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{UID: "set", Generation: 1}, Status: appsv1.StatefulSetStatus{ObservedGeneration: 1, UpdateRevision: "new"}}
	late := set.DeepCopy()
	late.Generation = 2
	index := NewIndex(nil, pods)
	for _, test := range []struct {
		name     string
		workload metav1.Object
		want     []string
	}{
		{"a StatefulSet has the pods that it controls", set, []string{"db-0"}},
		{"no pod is known before the controller has observed the revision", late, nil},
		{"a Job has its pod", &batchv1.Job{ObjectMeta: metav1.ObjectMeta{UID: "job"}}, []string{"backup"}},
		{"a ReplicaSet has its pod", &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{UID: "replicas"}}, []string{"copy"}},
		{"a Pod is its own workload", pods[5], []string{"debug"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, names(index.Newest(test.workload))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("the outdated pods of a StatefulSet are its own", func(t *testing.T) {
		if diff := cmp.Diff([]string{"db-1"}, names(index.Outdated(set))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if got := index.Outdated(late); got != nil {
			t.Errorf("got %v before the controller has observed the revision, want none", names(got))
		}
	})
}
