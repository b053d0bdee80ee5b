package rollout

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/health"
)

func setPod(revision string, ready bool, waiting string) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: "redis-0", Namespace: "shop", UID: "1",
		Labels: map[string]string{"app": "redis", appsv1.ControllerRevisionHashLabelKey: revision},
	}}
	if ready {
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	}
	if waiting != "" {
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: waiting}}}}
	}
	return pod
}

func TestWatcher_DeleteStuckPods(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		pod      *corev1.Pod
		parallel bool
		deleted  bool
	}{
		"deletes an unready pod of an old revision":         {pod: setPod("old", false, "CrashLoopBackOff"), deleted: true},
		"keeps a ready pod of an old revision":              {pod: setPod("old", true, "")},
		"keeps an unready pod of the newest revision":       {pod: setPod("new", false, "CrashLoopBackOff")},
		"deletes a pod without its image":                   {pod: setPod("new", false, "ImagePullBackOff"), deleted: true},
		"keeps an unready pod of a parallel set":            {pod: setPod("old", false, ""), parallel: true},
		"deletes a pod without its image in a parallel set": {pod: setPod("old", false, "ErrImagePull"), parallel: true, deleted: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := &appsv1.StatefulSet{
				ObjectMeta: metav1.ObjectMeta{Name: "redis", Namespace: "shop", Generation: 2},
				Spec:       appsv1.StatefulSetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "redis"}}},
				Status:     appsv1.StatefulSetStatus{ObservedGeneration: 2, UpdateRevision: "new"},
			}
			if test.parallel {
				set.Spec.PodManagementPolicy = appsv1.ParallelPodManagement
			}
			w := &Watcher{Client: fake.NewClientset(set, test.pod)}
			mutations := 0
			report := event.ReporterFunc(func(e event.Event) { mutations += e.Mutations })
			if err := w.DeleteStuckPods(t.Context(), []health.Object{object(health.StatefulSet, "shop", "redis"), object(health.Deployment, "shop", "gone")}, report); err != nil {
				t.Fatal(err)
			}
			left, err := w.Client.CoreV1().Pods("shop").List(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if gone := !slices.ContainsFunc(left.Items, func(p corev1.Pod) bool { return p.UID == "1" }); gone != test.deleted || mutations > 0 != test.deleted {
				t.Errorf("got deleted %t with %d mutations, want deleted %t", gone, mutations, test.deleted)
			}
		})
	}
}
