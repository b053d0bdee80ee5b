//go:build e2e

package verify_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/verify"
	"tkdeploy.dev/tkdeploy/internal/verify/checks"
	"tkdeploy.dev/tkdeploy/internal/verify/hooks"
)

// The tests need a cluster of their own, TKDEPLOY_TEST_KUBECONFIG. Its nodes must
// have the image TKDEPLOY_TEST_PROBE_IMAGE with the program in
// testdata/smokeimage as its entrypoint:
//
//	CGO_ENABLED=0 go build -o smoke ./internal/verify/testdata/smokeimage
//	FROM scratch / COPY smoke /smoke / ENTRYPOINT ["/smoke"]
//
// One test stops the cluster DNS for a while.

type fixture struct {
	client    kubernetes.Interface
	objects   dynamic.Interface
	image     string
	namespace string
}

// newFixture creates a namespace that enforces Pod Security restricted.
func newFixture(t *testing.T) *fixture {
	t.Helper()
	kubeconfig, image := os.Getenv("TKDEPLOY_TEST_KUBECONFIG"), os.Getenv("TKDEPLOY_TEST_PROBE_IMAGE")
	if kubeconfig == "" || image == "" {
		t.Skip("requires a cluster: set TKDEPLOY_TEST_KUBECONFIG, and TKDEPLOY_TEST_PROBE_IMAGE to an image on its nodes")
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	namespace, err := client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "verify-test-",
		Labels:       map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := client.CoreV1().Namespaces().Delete(context.Background(), namespace.Name, metav1.DeleteOptions{})
		if err != nil {
			t.Error(err)
		}
	})
	return &fixture{client, objects, image, namespace.Name}
}

// deploy creates an app behind a Service, waits for its pods, and returns both
// objects as rendered.
func (f *fixture) deploy(t *testing.T, name, path string, replicas int32) []unstructured.Unstructured {
	t.Helper()
	labels := map[string]string{"app": name}
	service := &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.ServiceSpec{Selector: labels, Ports: []corev1.ServicePort{
			{Name: "http", Port: 80, TargetPort: intstr.FromString("http")},
			{Name: "grpc", Port: 5001},
		}},
	}
	workload := f.workload(name, replicas)
	if _, err := f.client.CoreV1().Services(f.namespace).Create(t.Context(), service, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.client.AppsV1().Deployments(f.namespace).Create(t.Context(), workload, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	f.awaitReady(t, name, replicas)
	// Not the path of the readiness probe.
	workload.Spec.Template.Spec.Containers[0].ReadinessProbe.HTTPGet.Path = path
	return []unstructured.Unstructured{rendered(t, service), rendered(t, workload)}
}

func (f *fixture) workload(name string, replicas int32) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					SecurityContext:               &corev1.PodSecurityContext{RunAsNonRoot: new(true), RunAsUser: new(int64(65532)), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
					TerminationGracePeriodSeconds: new(int64),
					Containers: []corev1.Container{{
						Name: "app", Image: f.image, Args: []string{"serve"}, ImagePullPolicy: corev1.PullNever,
						Ports:           []corev1.ContainerPort{{Name: "http", ContainerPort: 4001}, {Name: "grpc", ContainerPort: 5001}},
						SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: new(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
						ReadinessProbe: &corev1.Probe{PeriodSeconds: 1, ProbeHandler: corev1.ProbeHandler{
							HTTPGet: &corev1.HTTPGetAction{Path: "/health", Port: intstr.FromString("http")},
						}},
					}},
				},
			},
		},
	}
}

func (f *fixture) awaitReady(t *testing.T, name string, replicas int32) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 200*time.Millisecond, 2*time.Minute, true, func(ctx context.Context) (bool, error) {
		d, err := f.client.AppsV1().Deployments(f.namespace).Get(ctx, name, metav1.GetOptions{})
		return err == nil && d.Status.ReadyReplicas == replicas, err
	})
	if err != nil {
		t.Fatalf("wait for %s: %v", name, err)
	}
}

func rendered(t *testing.T, object runtime.Object) unstructured.Unstructured {
	t.Helper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		t.Fatal(err)
	}
	return unstructured.Unstructured{Object: content}
}

// run fails the test if a smoke test pod is left.
func (f *fixture) run(t *testing.T, objects []unstructured.Unstructured) (results []event.Event, err error) {
	t.Helper()
	runner := verify.New(verify.Options{Client: f.client, Namespace: f.namespace, Image: f.image, Release: "test"})
	start := time.Now()
	err = runner.Verify(t.Context(), checks.Derive(objects, f.namespace), nil, event.ReporterFunc(func(e event.Event) {
		if e.Kind == event.ItemFinished {
			results = append(results, e)
		}
		t.Logf("%6.3fs %-8s %-24s %s (%v)", time.Since(start).Seconds(), e.Outcome, e.Item, e.Message, e.Elapsed)
	}))
	t.Logf("%d results in %v, error: %v\nhint: %s", len(results), time.Since(start), err, fault.HintOf(err))
	left, listErr := f.client.CoreV1().Pods(f.namespace).List(t.Context(), metav1.ListOptions{LabelSelector: checks.SmokeLabel})
	if listErr != nil || len(left.Items) > 0 {
		t.Errorf("got %d pods left, %v, want none", len(left.Items), listErr)
	}
	return results, err
}

func wantFailure(t *testing.T, err error, texts ...string) {
	t.Helper()
	var failure *verify.Failure
	if !errors.As(err, &failure) || fault.ClassOf(err) != fault.Smoke {
		t.Fatalf("got %v, want a *Failure of class %q", err, fault.Smoke)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("got %v, want it to contain %q", err, text)
		}
	}
}

func TestRunner_VerifyE2E(t *testing.T) {
	t.Parallel()
	t.Run("passes all checks of a healthy app", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		objects := f.deploy(t, "feed", "/health", 2)
		for range 5 {
			start := time.Now()
			results, err := f.run(t, objects)
			if err != nil {
				t.Fatal(err)
			}
			if len(results) != 7 {
				t.Errorf("got %d results, want 7: cluster DNS, two names, two ports, HTTP and gRPC health", len(results))
			}
			for _, e := range results {
				if e.Outcome != event.Done {
					t.Errorf("got %s %s: %s, want done", e.Item, e.Outcome, e.Message)
				}
			}
			t.Logf("run took %v", time.Since(start))
		}
	})

	t.Run("names a health check that returns 500", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		_, err := f.run(t, f.deploy(t, "feed", "/broken", 1))
		wantFailure(t, err, `feed: GET http://feed:80/broken returned 500: {"status":"no database"}`)
	})

	t.Run("names a health check that hangs", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		_, err := f.run(t, f.deploy(t, "feed", "/hang", 1))
		wantFailure(t, err, "feed: GET http://feed:80/hang: no response within 5s")
	})

	t.Run("names a Service without endpoints", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		_, err := f.run(t, f.deploy(t, "feed", "/health", 0))
		wantFailure(t, err, "feed: connect to tcp://feed:80: ", "Service feed has no ready endpoints: its selector app=feed matches no pod")
	})

	t.Run("names a port without a listener", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		wrong := &corev1.Service{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
			ObjectMeta: metav1.ObjectMeta{Name: "wrong"},
			Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": "feed"}, Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(81)}}},
		}
		// Before the app, so that kube-proxy knows it when the app is ready.
		if _, err := f.client.CoreV1().Services(f.namespace).Create(t.Context(), wrong, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		objects := f.deploy(t, "feed", "/health", 1)
		_, err := f.run(t, append(objects, rendered(t, wrong)))
		wantFailure(t, err, "wrong: connect to tcp://wrong:80: connection refused", "Service wrong has the ready endpoints", ":81, where nothing listens")
	})

	t.Run("names an image missing on the node", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.image = "tkdeploy.invalid/nowhere:1"
		_, err := f.run(t, nil)
		if fault.ClassOf(err) != fault.Smoke || !strings.Contains(fmt.Sprint(err), "image tkdeploy.invalid/nowhere:1 is not on node") {
			t.Errorf("got %v, want a missing image", err)
		}
	})

	t.Run("names an exhausted quota", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		quota := &corev1.ResourceQuota{
			ObjectMeta: metav1.ObjectMeta{Name: "none"},
			Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourcePods: {}}},
		}
		quotas := f.client.CoreV1().ResourceQuotas(f.namespace)
		if _, err := quotas.Create(t.Context(), quota, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
			quota, err := quotas.Get(ctx, quota.Name, metav1.GetOptions{})
			return err == nil && len(quota.Status.Hard) > 0, err // a quota without status is not enforced
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.run(t, nil)
		if fault.ClassOf(err) != fault.Smoke || !strings.Contains(fmt.Sprint(err), "none") || !strings.Contains(fault.HintOf(err), "quota") && !strings.Contains(fault.HintOf(err), "describe") {
			t.Errorf("got %v, hint %q, want a refusal that names the quota", err, fault.HintOf(err))
		}
	})

	t.Run("reports the steps of hooks", func(t *testing.T) {
		t.Parallel()
		for _, job := range []bool{false, true} {
			t.Run(fmt.Sprintf("as a Job %t", job), func(t *testing.T) {
				t.Parallel()
				f := newFixture(t)
				items, err := f.hook(t, t.Context(), job, "journey")
				if got := strings.Join(items, ", "); err != nil || got != "journey/register done, journey/feed done" {
					t.Fatalf("got items %s, %v, want two steps done", got, err)
				}
				if n := f.podsLeft(t); n != 0 {
					t.Errorf("got %d pods left, want none", n)
				}
				_, err = f.hook(t, t.Context(), job, "journey", "broken")
				wantFailure(t, err, `journey: step "feed" failed: GET http://feed: 500 no database`)
				if n := f.podsLeft(t); n != 1 {
					t.Errorf("got %d pods left, want 1 as evidence", n)
				}
				if _, err = f.hook(t, t.Context(), job, "journey"); err != nil || f.podsLeft(t) != 0 {
					t.Errorf("got %v, want the old hook replaced", err)
				}
			})
		}
	})

	t.Run("stops hooks when ctx is done", func(t *testing.T) {
		t.Parallel()
		for _, job := range []bool{false, true} {
			t.Run(fmt.Sprintf("as a Job %t", job), func(t *testing.T) {
				t.Parallel()
				f := newFixture(t)
				ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
				defer cancel()
				_, err := f.hook(t, ctx, job, "hang")
				if fault.ClassOf(err) != fault.Inconclusive || f.podsLeft(t) != 0 {
					t.Errorf("got %v, %d pods left, want class %q, none left", err, f.podsLeft(t), fault.Inconclusive)
				}
			})
		}
	})
}

func (f *fixture) hook(t *testing.T, ctx context.Context, job bool, args ...string) (items []string, err error) {
	t.Helper()
	pod := f.workload("journey", 1).Spec.Template
	pod.Spec.RestartPolicy = corev1.RestartPolicyNever
	pod.Spec.Containers[0].Args, pod.Spec.Containers[0].ReadinessProbe = args, nil
	meta := metav1.ObjectMeta{Name: "journey", Namespace: f.namespace}
	hook := hooks.Hook{Name: "journey", DeletePolicies: []string{"before-hook-creation"}}
	if job {
		hook.Resource = batchv1.SchemeGroupVersion.WithResource("jobs")
		hook.Object = rendered(t, &batchv1.Job{
			TypeMeta: metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"}, ObjectMeta: meta,
			Spec: batchv1.JobSpec{BackoffLimit: new(int32), Template: pod},
		})
	} else {
		hook.Resource = corev1.SchemeGroupVersion.WithResource("pods")
		hook.Object = rendered(t, &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: meta, Spec: pod.Spec})
	}
	runner := verify.New(verify.Options{Client: f.client, Objects: f.objects, Namespace: f.namespace, Image: f.image, Release: "test", Exit: exitIn})
	start := time.Now()
	err = runner.Verify(ctx, nil, []hooks.Hook{hook}, event.ReporterFunc(func(e event.Event) {
		t.Logf("%6.3fs %s %s %s %s (%v)", time.Since(start).Seconds(), e.Kind, e.Outcome, e.Item, e.Message, e.Elapsed)
		if e.Kind == event.ItemFinished {
			items = append(items, fmt.Sprintf("%s %s", e.Item, e.Outcome))
		}
	}))
	t.Logf("took %v, error: %v\nhint: %s", time.Since(start), err, fault.HintOf(err))
	return items, err
}

func exitIn(ctx context.Context, node, id string) (code int, ok bool) {
	nodes := cluster.New(cluster.Spec{}, cluster.Limits{}).NodesOf(cluster.Status{Nodes: []cluster.NodeStatus{{Name: node}}})
	return nodes[0].Exit(ctx, id)
}

// podsLeft requires that the node's runtime reports each pod's exit code.
func (f *fixture) podsLeft(t *testing.T) int {
	t.Helper()
	pods, err := f.client.CoreV1().Pods(f.namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pods.Items {
		c := p.Status.ContainerStatuses[0]
		if code, ok := exitIn(t.Context(), p.Spec.NodeName, c.ContainerID); !ok || c.State.Terminated == nil || code != int(c.State.Terminated.ExitCode) {
			t.Errorf("container %s: got exit code %d, %v from the runtime, want %+v", c.ContainerID, code, ok, c.State)
		}
	}
	return len(pods.Items)
}

// Row 46 of the fault list. The test stops the cluster DNS, so it runs alone.
func TestRunner_VerifyWithoutDNSE2E(t *testing.T) {
	if os.Getenv("TKDEPLOY_E2E_FAULTS") != "all" {
		t.Skip("SKIPPED: blocks all other tests for a minute; run it with make test-faults")
	}
	f := newFixture(t)
	objects := f.deploy(t, "feed", "/health", 1)
	before := f.scaleDNS(t, 0)
	t.Cleanup(func() { f.scaleDNS(t, before) })
	_, err := f.run(t, objects)
	wantFailure(t, err, "cluster DNS: look up kubernetes.default.svc.cluster.local: ", "Service kube-dns has no ready endpoints", "6 more checks skipped")
}

func unready(pod corev1.Pod) bool {
	return !slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// scaleDNS returns the previous number of replicas.
func (f *fixture) scaleDNS(t *testing.T, replicas int32) int32 {
	t.Helper()
	ctx := context.Background() // also called in cleanups
	deployments := f.client.AppsV1().Deployments("kube-system")
	scale, err := deployments.GetScale(ctx, "coredns", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	before := scale.Spec.Replicas
	desired := &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: "coredns", Namespace: "kube-system"}, Spec: autoscalingv1.ScaleSpec{Replicas: replicas}}
	if _, err := deployments.UpdateScale(ctx, "coredns", desired, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	err = wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		pods, err := f.client.CoreV1().Pods("kube-system").List(ctx, metav1.ListOptions{LabelSelector: "k8s-app=kube-dns"})
		return err == nil && len(pods.Items) == int(replicas) && !slices.ContainsFunc(pods.Items, unready), err
	})
	if err != nil {
		t.Fatal(err)
	}
	return before
}
