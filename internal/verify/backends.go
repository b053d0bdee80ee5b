package verify

import (
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"

	"tkdeploy.dev/tkdeploy/internal/autoscale"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/verify/checks"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// skipWithoutPods reports and removes the checks that need a pod of a Service that
// has none by intent. The name of a Service with an address still resolves, so it is
// checked. pods are those of the release's namespace.
func (r *Runner) skipWithoutPods(ctx context.Context, smokeChecks []probe.Check, pods []corev1.Pod, reporter event.Reporter) ([]probe.Check, error) {
	skipped := map[string]bool{} // by ID
	for _, b := range r.options.Backends {
		needsPod := func(c probe.Check) bool { return c.Service == b.Service && (b.Headless || c.Kind != probe.DNS) }
		if !slices.ContainsFunc(smokeChecks, needsPod) {
			continue
		}
		reason, err := r.whyNoPods(ctx, b, pods)
		if err != nil {
			return nil, err
		}
		for _, c := range smokeChecks {
			if reason != "" && needsPod(c) {
				skipped[c.ID] = true
				reporter.Report(event.Finished(c.ID, event.Blocked, "skipped: "+reason, 0, 0))
			}
		}
	}
	return checks.Without(smokeChecks, func(c probe.Check) bool { return skipped[c.ID] }), nil
}

// whyNoPods returns "" for a Service that has pods or must have some.
func (r *Runner) whyNoPods(ctx context.Context, b checks.Backend, pods []corev1.Pod) (string, error) {
	if b.Namespace != r.options.Namespace {
		var err error
		if pods, err = r.listPods(ctx, b.Namespace); err != nil {
			return "", err
		}
	}
	if len(b.Selector) == 0 {
		return r.whyNoEndpoints(ctx, b)
	}
	selector := labels.SelectorFromSet(b.Selector)
	if slices.ContainsFunc(pods, func(p corev1.Pod) bool { return isServing(p) && selector.Matches(labels.Set(p.Labels)) }) {
		return "", nil
	}
	if len(b.Workloads) == 0 {
		return b.NotPromised, nil
	}
	var scaled []string
	for _, w := range b.Workloads {
		live, err := r.scaleOf(ctx, b.Namespace, w)
		if err != nil || live.pods > 0 || !w.MayBeZero && !live.automatic {
			return "", err
		}
		scaled = append(scaled, w.Name)
	}
	return strings.Join(scaled, " and ") + " is scaled to 0", nil
}

func isServing(p corev1.Pod) bool {
	return !isTerminating(p) && p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed
}

func (r *Runner) whyNoEndpoints(ctx context.Context, b checks.Backend) (string, error) {
	var ready []string
	err := r.pods.Retry(ctx, "list the endpoints of Service "+b.Name, func(ctx context.Context) error {
		found, err := r.endpoints(ctx, b.Namespace, b.Name)
		ready = readyAddresses(found, nil)
		return err
	})
	if err != nil || len(ready) > 0 {
		return "", err
	}
	return b.NotPromised, nil
}

// scale is how many pods a live workload should have.
type scale struct {
	pods      int32
	automatic bool // set by an autoscaler such as KEDA, not by hand
}

// scaleOf counts a missing workload as one pod, because a check must show that it is
// missing.
func (r *Runner) scaleOf(ctx context.Context, namespace string, w checks.Workload) (live scale, err error) {
	err = r.pods.Retry(ctx, "read "+w.String(), func(ctx context.Context) error {
		object, pods, err := r.read(ctx, namespace, w)
		if object == nil || apierrors.IsNotFound(err) {
			live = scale{pods: 1}
			return nil
		}
		live = scale{pods, autoscale.HasScaled(object.GetManagedFields())}
		return err
	})
	return live, err
}

// read returns nil for a Pod.
func (r *Runner) read(ctx context.Context, namespace string, w checks.Workload) (object metav1.Object, pods int32, err error) {
	apps := r.options.Client.AppsV1()
	switch w.Kind {
	case "Deployment":
		found, err := apps.Deployments(namespace).Get(ctx, w.Name, metav1.GetOptions{})
		return found, ptr.Deref(found.Spec.Replicas, 1), err
	case "StatefulSet":
		found, err := apps.StatefulSets(namespace).Get(ctx, w.Name, metav1.GetOptions{})
		return found, ptr.Deref(found.Spec.Replicas, 1), err
	case "ReplicaSet":
		found, err := apps.ReplicaSets(namespace).Get(ctx, w.Name, metav1.GetOptions{})
		return found, ptr.Deref(found.Spec.Replicas, 1), err
	case "DaemonSet":
		found, err := apps.DaemonSets(namespace).Get(ctx, w.Name, metav1.GetOptions{})
		return found, found.Status.DesiredNumberScheduled, err
	default:
		return nil, 0, nil
	}
}
