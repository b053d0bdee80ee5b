package rollout

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/health"
)

var redis = object(health.StatefulSet, "shop", "redis")

func ownedPod(name string, owner metav1.Object, revision string, phase corev1.PodPhase, waiting string) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: name, Namespace: "shop", UID: types.UID(name),
		Labels: map[string]string{"app": "redis", appsv1.ControllerRevisionHashLabelKey: revision},
	}}
	if owner != nil {
		yes := true
		pod.OwnerReferences = []metav1.OwnerReference{{UID: owner.GetUID(), Name: owner.GetName(), Controller: &yes}}
	}
	pod.Status.Phase = phase
	if waiting != "" {
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: waiting}}}}
	}
	return pod
}

func ready(pod *corev1.Pod) *corev1.Pod {
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	return pod
}

func redisSet() *appsv1.StatefulSet {
	one := int32(1)
	return &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: "redis", Namespace: "shop", UID: "set", Generation: 2},
		Spec:       appsv1.StatefulSetSpec{Replicas: &one, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "redis"}}},
		Status:     appsv1.StatefulSetStatus{ObservedGeneration: 2, UpdateRevision: "new", Replicas: 1},
	}
}

// deletedPods returns the names of the pods that a wait of 20s deletes. While it
// lasts, nothing becomes ready.
func deletedPods(t *testing.T, client *fake.Clientset, objects ...health.Object) []string {
	t.Helper()
	mutations := 0
	report := event.ReporterFunc(func(e event.Event) { mutations += e.Mutations })
	w := &Watcher{Client: client, Timeout: 20 * time.Second, DeleteStuckPods: true}
	if err := w.Wait(t.Context(), objects, report); err == nil {
		t.Error("got no error, want a timeout")
	}
	var deleted []string
	for _, a := range client.Actions() {
		if d, ok := a.(k8stesting.DeleteAction); ok {
			deleted = append(deleted, d.GetName())
			if p := d.GetDeleteOptions().Preconditions; p == nil || *p.UID != types.UID(d.GetName()) || p.ResourceVersion == nil {
				t.Errorf("got preconditions %v of pod %s, want its UID and version", p, d.GetName())
			}
		}
	}
	if mutations != len(deleted) {
		t.Errorf("got %d reported mutations, want %d", mutations, len(deleted))
	}
	return deleted
}

func TestWatcher_WaitDeleteStuckPods(t *testing.T) {
	set := redisSet()
	job := &metav1.ObjectMeta{Name: "backup", UID: "job"}
	for name, test := range map[string]struct {
		pod     *corev1.Pod
		change  func(*appsv1.StatefulSet)
		deleted bool
	}{
		"deletes an unready pod of an old revision":   {pod: ownedPod("redis-0", set, "old", corev1.PodRunning, "CrashLoopBackOff"), deleted: true},
		"keeps a ready pod of an old revision":        {pod: ready(ownedPod("redis-0", set, "old", corev1.PodRunning, ""))},
		"keeps an unready pod of the newest revision": {pod: ownedPod("redis-0", set, "new", corev1.PodRunning, "ContainerCreating")},
		"deletes a pod without its image":             {pod: ownedPod("redis-0", set, "new", corev1.PodPending, "ImagePullBackOff"), deleted: true},
		"keeps an unready pod of a parallel set": {pod: ownedPod("redis-0", set, "old", corev1.PodPending, ""),
			change: func(s *appsv1.StatefulSet) { s.Spec.PodManagementPolicy = appsv1.ParallelPodManagement }},
		"deletes a pod without its image of a parallel set": {pod: ownedPod("redis-0", set, "new", corev1.PodPending, "ErrImagePull"),
			change: func(s *appsv1.StatefulSet) { s.Spec.PodManagementPolicy = appsv1.ParallelPodManagement }, deleted: true},
		"keeps an old pod below the partition": {pod: ownedPod("redis-0", set, "old", corev1.PodPending, ""),
			change: func(s *appsv1.StatefulSet) {
				one := int32(1)
				s.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{Partition: &one}
			}},
		"counts the partition from the first ordinal": {pod: ownedPod("redis-5", set, "old", corev1.PodPending, ""),
			change: func(s *appsv1.StatefulSet) {
				one := int32(1)
				s.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{Partition: &one}
				s.Spec.Ordinals = &appsv1.StatefulSetOrdinals{Start: 5}
			}},
		"keeps a pod that has ended":                        {pod: ownedPod("redis-0", set, "old", corev1.PodFailed, "")},
		"keeps a starting pod of a Job with the same label": {pod: ownedPod("backup-1", job, "", corev1.PodPending, "")},
		"keeps a completed pod of a Job":                    {pod: ownedPod("backup-2", job, "", corev1.PodSucceeded, "")},
		"keeps a pod of a Job without its image":            {pod: ownedPod("backup-3", job, "", corev1.PodPending, "ImagePullBackOff")},
		"keeps a pod without an owner":                      {pod: ownedPod("redis-debug", nil, "", corev1.PodPending, "ImagePullBackOff")},
		"keeps pods until the controller has observed the set": {pod: ownedPod("redis-0", set, "old", corev1.PodPending, ""),
			change: func(s *appsv1.StatefulSet) { s.Status.ObservedGeneration = 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				set := redisSet()
				if test.change != nil {
					test.change(set)
				}
				var want []string
				if test.deleted {
					want = []string{test.pod.Name}
				}
				if diff := cmp.Diff(want, deletedPods(t, fake.NewClientset(set, test.pod), redis)); diff != "" {
					t.Errorf("deleted pods (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestWatcher_WaitDeleteStuckPodsLater(t *testing.T) {
	t.Run("waits for a controller that is late", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			late := redisSet()
			late.Status.ObservedGeneration, late.Status.UpdateRevision = 1, "old"
			client := fake.NewClientset(late, ownedPod("redis-0", late, "old", corev1.PodRunning, "CrashLoopBackOff"))
			later(15*time.Second, func() {
				if err := client.Tracker().Update(appsv1.SchemeGroupVersion.WithResource("statefulsets"), redisSet(), "shop"); err != nil {
					t.Error(err)
				}
			})
			if got := deletedPods(t, client, redis); !slices.Equal(got, []string{"redis-0"}) {
				t.Errorf("got deleted pods %q, want redis-0", got)
			}
		})
	})
	t.Run("keeps a pod that stops being ready during the rollout", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			old := ownedPod("redis-0", redisSet(), "old", corev1.PodRunning, "")
			client := fake.NewClientset(redisSet(), ready(old.DeepCopy()))
			later(5*time.Second, func() {
				if err := client.Tracker().Update(podsGVR, old, "shop"); err != nil {
					t.Error(err)
				}
			})
			if got := deletedPods(t, client, redis); len(got) > 0 {
				t.Errorf("got deleted pods %q, want none", got)
			}
		})
	})
	t.Run("deletes a pod that ran between two crashes when the wait began", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			old := ownedPod("redis-0", redisSet(), "old", corev1.PodRunning, "CrashLoopBackOff")
			client := fake.NewClientset(redisSet(), ready(ownedPod("redis-0", redisSet(), "old", corev1.PodRunning, "")))
			later(5*time.Second, func() {
				if err := client.Tracker().Update(podsGVR, old, "shop"); err != nil {
					t.Error(err)
				}
			})
			if got := deletedPods(t, client, redis); !slices.Equal(got, []string{"redis-0"}) {
				t.Errorf("got deleted pods %q, want redis-0", got)
			}
		})
	})
	t.Run("only warns if it may not delete", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			set := redisSet()
			client := fake.NewClientset(set, ownedPod("redis-0", set, "old", corev1.PodRunning, ""))
			client.PrependReactor("delete", "pods", func(k8stesting.Action) (bool, runtime.Object, error) {
				return true, nil, apierrors.NewForbidden(podsGVR.GroupResource(), "redis-0", nil)
			})
			warnings := 0
			report := event.ReporterFunc(func(e event.Event) {
				if e.Kind == event.Warning {
					warnings++
				}
			})
			w := &Watcher{Client: client, Timeout: 20 * time.Second, DeleteStuckPods: true}
			if err := w.Wait(t.Context(), []health.Object{redis}, report); fault.ClassOf(err) != fault.Inconclusive {
				t.Errorf("got error %v, want an inconclusive timeout", err)
			}
			if warnings != 1 {
				t.Errorf("got %d warnings, want 1", warnings)
			}
		})
	})
}
