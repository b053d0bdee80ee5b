package verify

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/dynamic"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/text"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// jobLabel is what the Job controller puts on a Job's pods.
const jobLabel = "batch.kubernetes.io/job-name"

func (h *hookRun) resource(hook Hook) dynamic.ResourceInterface {
	all := h.Objects.Resource(hook.Resource)
	if hook.Object.GetNamespace() == "" {
		return all
	}
	return all.Namespace(hook.Object.GetNamespace())
}

func named(hook Hook) string { return hook.Object.GetKind() + " " + hook.Object.GetName() }

// create makes the hook's object. exists says that there was one already, which
// Helm takes for a failure too.
func (h *hookRun) create(ctx context.Context, hook Hook) (created *unstructured.Unstructured, exists bool, err error) {
	object, tries := withDeadline(ctx, hook), 0
	err = h.persist(ctx, "create "+named(hook), func(ctx context.Context) error {
		tries++
		created, err = h.resource(hook).Create(ctx, object, metav1.CreateOptions{FieldManager: "tkdeploy"})
		if apierrors.IsAlreadyExists(err) && tries > 1 { // an answer was lost
			created, err = h.resource(hook).Get(ctx, object.GetName(), metav1.GetOptions{})
		}
		return err
	})
	if apierrors.IsAlreadyExists(err) {
		hint := fmt.Sprintf("give it the hook-delete-policy before-hook-creation, or delete it: %s -n %s delete %s %s", h.Kubectl, object.GetNamespace(), strings.ToLower(object.GetKind()), object.GetName())
		return nil, true, fault.New(fault.Smoke, err, hint)
	}
	p := h.podCase(hook)
	return created, false, p.refused(err)
}

// withDeadline lets a pod or Job end by itself should tkdeploy be killed.
func withDeadline(ctx context.Context, hook Hook) *unstructured.Unstructured {
	object := hook.Object.DeepCopy()
	deadline, ok := ctx.Deadline()
	_, own, err := unstructured.NestedFieldNoCopy(object.Object, "spec", "activeDeadlineSeconds")
	if !ok || own || err != nil || !hook.runs() {
		return object
	}
	left := time.Until(deadline) + 10*time.Second
	if unstructured.SetNestedField(object.Object, *seconds(left), "spec", "activeDeadlineSeconds") != nil {
		return hook.Object.DeepCopy() // there is no spec: the API server will say so
	}
	return object
}

// remove deletes with a short time of its own, since ctx may be over, and a run
// that was canceled ends within 10 s. That it fails is no verdict on the app.
func (h *hookRun) remove(ctx context.Context, hook Hook) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 8*time.Second)
	defer cancel()
	if hook.Resource.Empty() {
		return
	}
	if err := h.delete(ctx, hook); err != nil {
		h.reporter.Report(event.Warn(fmt.Sprintf("%v; delete it with: %s -n %s delete %s %s", err,
			h.Kubectl, hook.Object.GetNamespace(), strings.ToLower(hook.Object.GetKind()), hook.Object.GetName())))
	}
}

// delete deletes the hook's object and waits until it is gone. Pods get no time
// to end: they were told by nobody that they may go on. Helm never deletes a
// CustomResourceDefinition, since all its objects would go with it.
func (h *hookRun) delete(ctx context.Context, hook Hook) error {
	if hook.Object.GetKind() == "CustomResourceDefinition" {
		return nil
	}
	now, foreground := int64(0), metav1.DeletePropagationForeground
	options := metav1.DeleteOptions{}
	switch {
	case hook.isPod():
		options.GracePeriodSeconds = &now
	case hook.isJob(): // it is gone when its pods are
		options.PropagationPolicy = &foreground
	}
	gone := false
	err := h.persist(ctx, "delete "+named(hook), func(ctx context.Context) error {
		err := h.resource(hook).Delete(ctx, hook.Object.GetName(), options)
		gone = apierrors.IsNotFound(err)
		return absent(err)
	})
	if err == nil && !gone && hook.isJob() {
		err = h.deletePods(ctx, hook)
	}
	for err == nil && !gone {
		err = h.persist(ctx, "wait until "+named(hook)+" is gone", func(ctx context.Context) error {
			_, err := h.resource(hook).Get(ctx, hook.Object.GetName(), metav1.GetOptions{})
			gone = apierrors.IsNotFound(err)
			return absent(err)
		})
		if err == nil && !gone {
			probe.Wait(ctx, h.RetryInterval)
		}
	}
	return err
}

// deletePods ends the pods of a Job at once; the Job makes no more.
func (h *hookRun) deletePods(ctx context.Context, hook Hook) error {
	now := int64(0)
	return h.persist(ctx, "delete the pods of "+named(hook), func(ctx context.Context) error {
		return h.Client.CoreV1().Pods(hook.Object.GetNamespace()).DeleteCollection(ctx,
			metav1.DeleteOptions{GracePeriodSeconds: &now},
			metav1.ListOptions{LabelSelector: labels.Set{jobLabel: hook.Object.GetName()}.String()})
	})
}

func absent(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// tailOf gives the last lines of a container's log; of another container than
// the followed one they are asked for now. Without an answer there are none.
func (p *hookPod) tailOf(ctx context.Context, pod, container string) []string {
	if container == "" || container == p.container {
		return p.tail
	}
	lines, bytes := int64(logTail), int64(logTail*maxLine)
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	log, err := p.Client.CoreV1().Pods(p.Namespace).GetLogs(pod, &corev1.PodLogOptions{Container: container, TailLines: &lines, LimitBytes: &bytes}).Stream(ctx)
	if err != nil {
		return nil
	}
	defer log.Close()
	content, err := io.ReadAll(io.LimitReader(log, bytes))
	if err != nil {
		return nil
	}
	var tail []string
	for line := range strings.Lines(p.Redact(string(content))) {
		tail = append(tail, text.Printable(line, text.MaxMessage))
	}
	return tail
}
