package rollout

import (
	"context"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/health"
)

// DeleteStuckPods deletes unready pods that block a rollout, for their
// controllers to recreate:
//
//   - outdated pods of an ordered StatefulSet. The controller waits for them
//     forever, even if the newest revision fixes them (Kubernetes documentation,
//     StatefulSets, "Forced rollback").
//   - pods without their image, which may be available by now. The kubelet may
//     retry only after five minutes.
func (w *Watcher) DeleteStuckPods(ctx context.Context, objects []health.Object, report event.Reporter) error {
	for _, o := range objects {
		if o.Kind != health.StatefulSet && o.Kind != health.Deployment {
			continue
		}
		pods, err := w.stuckPods(ctx, o)
		if err != nil {
			return fmt.Errorf("find stuck pods of %s: %w", o, err)
		}
		for _, pod := range pods {
			// the UID protects a new pod with the same name
			only := metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(pod.UID))}
			err := w.Client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, only)
			if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
				return fmt.Errorf("delete stuck pod %s: %w", pod.Name, err)
			}
			report.Report(event.Finished(o.Name, event.Done, "deleted stuck pod "+pod.Name+" to recreate it", 0, 1))
		}
	}
	return nil
}

func (w *Watcher) stuckPods(ctx context.Context, o health.Object) ([]corev1.Pod, error) {
	revision, selector, err := w.orderedRevision(ctx, o)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list, err := w.Client.CoreV1().Pods(o.Namespace).List(ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(selector)})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list.Items, func(p corev1.Pod) bool {
		outdated := revision != "" && p.Labels[appsv1.ControllerRevisionHashLabelKey] != revision
		return p.DeletionTimestamp != nil || health.PodReady(&p) || !outdated && !waitsForImage(p)
	}), nil
}

// controllerTimeout limits the wait until a controller observes a generation.
const controllerTimeout = 10 * time.Second

// orderedRevision returns the newest revision of an ordered StatefulSet, after
// the controller has observed it, or "" for other workloads. selector selects the
// workload's pods.
func (w *Watcher) orderedRevision(ctx context.Context, o health.Object) (revision string, selector *metav1.LabelSelector, err error) {
	if o.Kind == health.Deployment {
		deployment, err := w.Client.AppsV1().Deployments(o.Namespace).Get(ctx, o.Name, metav1.GetOptions{})
		if err != nil {
			return "", nil, err
		}
		return "", deployment.Spec.Selector, nil
	}
	var set *appsv1.StatefulSet
	err = wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, controllerTimeout, true, func(ctx context.Context) (bool, error) {
		set, err = w.Client.AppsV1().StatefulSets(o.Namespace).Get(ctx, o.Name, metav1.GetOptions{})
		return err == nil && set.Status.ObservedGeneration >= set.Generation, err
	})
	if err != nil {
		return "", nil, err
	}
	if set.Spec.PodManagementPolicy == appsv1.ParallelPodManagement || set.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType {
		return "", set.Spec.Selector, nil
	}
	return set.Status.UpdateRevision, set.Spec.Selector, nil
}

func waitsForImage(p corev1.Pod) bool {
	all := slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses)
	return slices.ContainsFunc(all, func(s corev1.ContainerStatus) bool {
		reasons := []string{"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull"}
		return s.State.Waiting != nil && slices.Contains(reasons, s.State.Waiting.Reason)
	})
}
