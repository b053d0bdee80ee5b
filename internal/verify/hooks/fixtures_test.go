package hooks

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/verify/pods"
	"tkdeploy.dev/tkdeploy/internal/verify/pods/podstest"
)

func hookOf(t *testing.T, resource schema.GroupVersionResource, object runtime.Object, policies ...string) Hook {
	t.Helper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		t.Fatal(err)
	}
	o := unstructured.Unstructured{Object: content}
	o.SetNamespace("app")
	return Hook{Name: o.GetName(), Object: o, Resource: resource, DeletePolicies: policies}
}

var (
	podResource       = corev1.SchemeGroupVersion.WithResource("pods")
	configMapResource = corev1.SchemeGroupVersion.WithResource("configmaps")
	jobResource       = batchv1.SchemeGroupVersion.WithResource("jobs")
)

func podSpec() corev1.PodSpec {
	return corev1.PodSpec{
		RestartPolicy:  corev1.RestartPolicyNever,
		InitContainers: []corev1.Container{{Name: "prepare", Image: "prepare:1"}},
		Containers:     []corev1.Container{{Name: "test", Image: "journey:1"}},
	}
}

func podHook(t *testing.T, name string, policies ...string) Hook {
	t.Helper()
	return hookOf(t, podResource, &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       podSpec(),
	}, policies...)
}

func configMapHook(t *testing.T, name string, policies ...string) Hook {
	t.Helper()
	return hookOf(t, configMapResource, &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
	}, policies...)
}

func jobHook(t *testing.T) Hook {
	t.Helper()
	return hookOf(t, jobResource, &batchv1.Job{
		TypeMeta:   metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"},
		ObjectMeta: metav1.ObjectMeta{Name: "journey"},
		Spec:       batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: podSpec()}},
	}, beforeCreation)
}

func hookState(phase corev1.PodPhase, init, main corev1.ContainerState) corev1.PodStatus {
	return corev1.PodStatus{
		Phase:                 phase,
		InitContainerStatuses: []corev1.ContainerStatus{{Name: "prepare", State: init}},
		ContainerStatuses:     []corev1.ContainerStatus{{Name: "test", State: main, ContainerID: "containerd://main"}},
	}
}

var (
	isPending = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "PodInitializing"}}
	isRunning = corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
)

func exited(code int32, reason string) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason}}
}

func stuckIn(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

var unstartable = []corev1.PodStatus{hookState(corev1.PodFailed, exited(128, "StartError"), isPending)}

func life(end corev1.PodPhase, code int32) []corev1.PodStatus {
	reason := map[bool]string{true: "Completed", false: "Error"}[code == 0]
	return []corev1.PodStatus{
		hookState(corev1.PodPending, isRunning, isPending),
		hookState(corev1.PodRunning, exited(0, "Completed"), isRunning),
		hookState(end, exited(0, "Completed"), exited(code, reason)),
	}
}

const passingLog = "TAP version 14\n1..2\nok 1 - register\n  ---\n  duration_ms: 12\n  ...\nok 2 - like # SKIP no video\n"

type outcome struct {
	err    error
	events []event.Event
	took   time.Duration
}

func newRunner(client *fake.Clientset) *Runner {
	return &Runner{Objects: podstest.Dynamic(client), Pods: &pods.Client{
		API:           client,
		Kubectl:       "kubectl",
		Redact:        func(s string) string { return strings.ReplaceAll(s, "hunter2", "[redacted]") },
		StartTimeout:  60 * time.Second,
		APITimeout:    120 * time.Second,
		IdleTimeout:   20 * time.Second,
		RetryInterval: 200 * time.Millisecond,
	}}
}

func run(ctx context.Context, r *Runner, hooks ...Hook) outcome {
	var o outcome
	r.Reporter = event.ReporterFunc(func(e event.Event) { o.events = append(o.events, e) })
	start := time.Now()
	o.err = r.Run(ctx, hooks)
	o.took = time.Since(start)
	return o
}

func runOn(ctx context.Context, client *fake.Clientset, hooks ...Hook) outcome {
	return run(ctx, newRunner(client), hooks...)
}

func (o outcome) ends() string {
	var items []string
	for _, e := range o.events {
		if e.Kind == event.ItemFinished {
			items = append(items, strings.TrimSpace(fmt.Sprintf("%s %s %s", e.Item, e.Outcome, e.Message)))
		}
	}
	return strings.Join(items, "\n")
}

func left(t *testing.T, client *fake.Clientset) string {
	t.Helper()
	var names []string
	pods, err := client.CoreV1().Pods("app").List(context.Background(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pods.Items {
		names = append(names, "pod "+p.Name)
	}
	maps, err := client.CoreV1().ConfigMaps("app").List(context.Background(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range maps.Items {
		names = append(names, "map "+m.Name)
	}
	jobs, err := client.BatchV1().Jobs("app").List(context.Background(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs.Items {
		names = append(names, "job "+j.Name)
	}
	return strings.Join(names, ", ")
}
