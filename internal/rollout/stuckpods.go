package rollout

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/health"
	"tkdeploy.dev/tkdeploy/internal/health/owners"
	"tkdeploy.dev/tkdeploy/internal/kubeerr"
)

// stuckPods deletes pods that block a rollout, for their controllers to recreate:
//
//   - outdated pods of an ordered StatefulSet. The controller waits for them
//     forever, even if the newest revision fixes them (Kubernetes documentation,
//     StatefulSets, "Forced rollback").
//   - pods without their image, which may be available by now. The kubelet may
//     retry only after five minutes.
//
// A pod is stuck if it was not ready in the first snapshot of the wait, or crashes. It
// deletes no pod of another owner, and none that has ended.
type stuckPods struct {
	client  kubernetes.Interface
	timeout time.Duration // of a request
	report  event.Reporter

	unready map[types.UID]bool // in the first snapshot; true if waiting for its image
	tried   map[types.UID]bool // to delete
}

// delete deletes the stuck pods in s. Errors are only warnings: the diagnosis of the
// pods decides the wait.
func (p *stuckPods) delete(ctx context.Context, s health.Snapshot) {
	if p.unready == nil {
		p.observe(s.Pods)
	}
	for _, pod := range p.find(s) {
		err := p.deletePod(ctx, pod)
		switch {
		case apierrors.IsConflict(err), err != nil && kubeerr.IsTransient(err):
			continue // the next snapshot shows whether the pod is still stuck
		case err == nil:
			p.report.Report(event.Finished(metav1.GetControllerOfNoCopy(pod).Name, event.Done, "deleted stuck pod "+pod.Name+" to recreate it", 0, 1))
		case !apierrors.IsNotFound(err):
			p.report.Report(event.Warn(fmt.Sprintf("cannot delete stuck pod %s: %v", pod.Name, err)))
		}
		p.tried[pod.UID] = true
	}
}

func (p *stuckPods) observe(pods []*corev1.Pod) {
	p.unready, p.tried = map[types.UID]bool{}, map[types.UID]bool{}
	for _, pod := range pods {
		if !health.PodReady(pod) && !hasEnded(pod) {
			p.unready[pod.UID] = waitsForImage(pod)
		}
	}
}

func (p *stuckPods) find(s health.Snapshot) []*corev1.Pod {
	owned := owners.NewIndex(s.ReplicaSets, s.Pods)
	var found []*corev1.Pod
	add := func(pods []*corev1.Pod, stuck func(*corev1.Pod) bool) {
		for _, pod := range pods {
			if !p.tried[pod.UID] && !health.PodReady(pod) && !hasEnded(pod) && stuck(pod) {
				found = append(found, pod)
			}
		}
	}
	withoutImage := func(pod *corev1.Pod) bool { return p.unready[pod.UID] && waitsForImage(pod) }
	for _, d := range s.Deployments {
		add(selected(s, health.Deployment, d, owned), withoutImage)
	}
	for _, d := range s.DaemonSets {
		add(selected(s, health.DaemonSet, d, owned), withoutImage)
	}
	for _, set := range s.StatefulSets {
		newest := selected(s, health.StatefulSet, set, owned)
		add(newest, withoutImage)
		if isOrdered(set) && isSelected(s, health.StatefulSet, set) {
			add(owned.Outdated(set), func(pod *corev1.Pod) bool {
				_, unready := p.unready[pod.UID]
				return ordinal(pod) >= partition(set) && (unready || waitsFor(pod, "CrashLoopBackOff"))
			})
		}
	}
	return found
}

func isSelected(s health.Snapshot, kind health.Kind, o metav1.Object) bool {
	return slices.Contains(s.Objects, health.Object{Kind: kind, Namespace: o.GetNamespace(), Name: o.GetName()})
}

func selected(s health.Snapshot, kind health.Kind, o metav1.Object, owned *owners.Index) []*corev1.Pod {
	if !isSelected(s, kind, o) {
		return nil
	}
	return owned.Newest(o)
}

func (p *stuckPods) deletePod(ctx context.Context, pod *corev1.Pod) error {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	// The UID protects a new pod with the same name, the version one that is ready by now.
	return p.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &pod.UID, ResourceVersion: &pod.ResourceVersion},
	})
}

func isOrdered(set *appsv1.StatefulSet) bool {
	return set.Spec.PodManagementPolicy != appsv1.ParallelPodManagement && set.Spec.UpdateStrategy.Type != appsv1.OnDeleteStatefulSetStrategyType
}

// partition returns the first ordinal that the controller updates.
func partition(set *appsv1.StatefulSet) int {
	first := 0
	if o := set.Spec.Ordinals; o != nil {
		first = int(o.Start)
	}
	if u := set.Spec.UpdateStrategy.RollingUpdate; u != nil && u.Partition != nil {
		first += int(*u.Partition)
	}
	return first
}

func ordinal(pod *corev1.Pod) int {
	n, err := strconv.Atoi(pod.Name[strings.LastIndex(pod.Name, "-")+1:])
	if err != nil {
		return 0
	}
	return n
}

func hasEnded(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

func waitsForImage(p *corev1.Pod) bool {
	return waitsFor(p, "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull")
}

func waitsFor(p *corev1.Pod, reasons ...string) bool {
	all := slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses)
	return slices.ContainsFunc(all, func(s corev1.ContainerStatus) bool {
		return s.State.Waiting != nil && slices.Contains(reasons, s.State.Waiting.Reason)
	})
}
