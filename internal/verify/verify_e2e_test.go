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

// These tests need a cluster of their own, TKDEPLOY_TEST_KUBECONFIG, and in
// its nodes an image whose entrypoint is the program in testdata/smokeimage,
// TKDEPLOY_TEST_PROBE_IMAGE:
//
//	CGO_ENABLED=0 go build -o smoke ./internal/verify/testdata/smokeimage
//	FROM scratch / COPY smoke /smoke / ENTRYPOINT ["/smoke"]
//
// One of them takes the cluster's DNS away for a while.

type bench struct {
	client    kubernetes.Interface
	objects   dynamic.Interface
	image     string
	namespace string
}

// newBench makes a namespace that enforces Pod Security restricted.
func newBench(t *testing.T) *bench {
	t.Helper()
	kubeconfig, image := os.Getenv("TKDEPLOY_TEST_KUBECONFIG"), os.Getenv("TKDEPLOY_TEST_PROBE_IMAGE")
	if kubeconfig == "" || image == "" {
		t.Skip("needs a cluster: set TKDEPLOY_TEST_KUBECONFIG, and TKDEPLOY_TEST_PROBE_IMAGE to an image in its nodes")
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
	return &bench{client, objects, image, namespace.Name}
}

// deploy starts an app behind a Service, waits for its pods, and gives both
// objects as a chart would render them.
func (b *bench) deploy(t *testing.T, name, path string, replicas int32) []unstructured.Unstructured {
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
	workload := b.workload(name, replicas)
	if _, err := b.client.CoreV1().Services(b.namespace).Create(t.Context(), service, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.client.AppsV1().Deployments(b.namespace).Create(t.Context(), workload, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	b.awaitReady(t, name, replicas)
	// the path to be asked differs from the one that makes the pod ready
	workload.Spec.Template.Spec.Containers[0].ReadinessProbe.HTTPGet.Path = path
	return []unstructured.Unstructured{rendered(t, service), rendered(t, workload)}
}

func (b *bench) workload(name string, replicas int32) *appsv1.Deployment {
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
						Name: "app", Image: b.image, Args: []string{"serve"}, ImagePullPolicy: corev1.PullNever,
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

func (b *bench) awaitReady(t *testing.T, name string, replicas int32) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 200*time.Millisecond, 2*time.Minute, true, func(ctx context.Context) (bool, error) {
		d, err := b.client.AppsV1().Deployments(b.namespace).Get(ctx, name, metav1.GetOptions{})
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

// run asks the checks of the objects and prints what a user would see. It
// fails the test if a pod of the smoke test is left.
func (b *bench) run(t *testing.T, objects []unstructured.Unstructured) (answers []event.Event, err error) {
	t.Helper()
	runner := verify.New(verify.Options{Client: b.client, Namespace: b.namespace, Image: b.image, Release: "test"})
	start := time.Now()
	err = runner.Verify(t.Context(), checks.Derive(objects, b.namespace), nil, event.ReporterFunc(func(e event.Event) {
		if e.Kind == event.ItemFinished {
			answers = append(answers, e)
		}
		t.Logf("%6.3fs %-8s %-24s %s (%v)", time.Since(start).Seconds(), e.Outcome, e.Item, e.Message, e.Elapsed)
	}))
	t.Logf("%d answers in %v, error: %v\nhint: %s", len(answers), time.Since(start), err, fault.HintOf(err))
	left, listErr := b.client.CoreV1().Pods(b.namespace).List(t.Context(), metav1.ListOptions{LabelSelector: checks.SmokeLabel})
	if listErr != nil || len(left.Items) > 0 {
		t.Errorf("%d pods are left, %v", len(left.Items), listErr)
	}
	return answers, err
}

// wantFailure is satisfied if every text is in the error.
func wantFailure(t *testing.T, err error, texts ...string) {
	t.Helper()
	var failure *verify.Failure
	if !errors.As(err, &failure) || fault.ClassOf(err) != fault.Smoke {
		t.Fatalf("got %v", err)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("the error does not say %q:\n%v", text, err)
		}
	}
}

func TestRunner_VerifyE2E(t *testing.T) {
	t.Parallel()
	t.Run("passes all checks of a healthy app", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		objects := b.deploy(t, "feed", "/health", 2)
		for range 5 {
			start := time.Now()
			answers, err := b.run(t, objects)
			if err != nil {
				t.Fatal(err)
			}
			if len(answers) != 7 {
				t.Errorf("%d answers, want cluster DNS, two names, two ports, HTTP and gRPC health", len(answers))
			}
			for _, e := range answers {
				if e.Outcome != event.Done {
					t.Errorf("%s: %s", e.Item, e.Message)
				}
			}
			t.Logf("a whole run took %v", time.Since(start))
		}
	})

	t.Run("names a health check that returns 500", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		_, err := b.run(t, b.deploy(t, "feed", "/broken", 1))
		wantFailure(t, err, `feed: GET http://feed:80/broken returned 500: {"status":"no database"}`)
	})

	t.Run("names a health check that hangs", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		_, err := b.run(t, b.deploy(t, "feed", "/hang", 1))
		wantFailure(t, err, "feed: GET http://feed:80/hang: no response within 5s")
	})

	t.Run("names a Service without endpoints", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		_, err := b.run(t, b.deploy(t, "feed", "/health", 0))
		wantFailure(t, err, "feed: connect to tcp://feed:80: ", "Service feed has no ready endpoints: its selector app=feed matches no pod")
	})

	t.Run("names a port without a listener", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		wrong := &corev1.Service{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
			ObjectMeta: metav1.ObjectMeta{Name: "wrong"},
			Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": "feed"}, Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(81)}}},
		}
		// before the app, so that kube-proxy knows it when the app is ready
		if _, err := b.client.CoreV1().Services(b.namespace).Create(t.Context(), wrong, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		objects := b.deploy(t, "feed", "/health", 1)
		_, err := b.run(t, append(objects, rendered(t, wrong)))
		wantFailure(t, err, "wrong: connect to tcp://wrong:80: connection refused", "Service wrong has the ready endpoints", ":81, where nothing listens")
	})

	t.Run("names an image missing on the node", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.image = "tkdeploy.invalid/nowhere:1"
		_, err := b.run(t, nil)
		if fault.ClassOf(err) != fault.Smoke || !strings.Contains(fmt.Sprint(err), "image tkdeploy.invalid/nowhere:1 is not on node") {
			t.Errorf("got %v", err)
		}
	})

	t.Run("names an exhausted quota", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		quota := &corev1.ResourceQuota{
			ObjectMeta: metav1.ObjectMeta{Name: "none"},
			Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourcePods: {}}},
		}
		quotas := b.client.CoreV1().ResourceQuotas(b.namespace)
		if _, err := quotas.Create(t.Context(), quota, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
			quota, err := quotas.Get(ctx, quota.Name, metav1.GetOptions{})
			return err == nil && len(quota.Status.Hard) > 0, err // without a status it is not enforced
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.run(t, nil)
		if fault.ClassOf(err) != fault.Smoke || !strings.Contains(fmt.Sprint(err), "none") || !strings.Contains(fault.HintOf(err), "quota") && !strings.Contains(fault.HintOf(err), "describe") {
			t.Errorf("got %v, hint %s", err, fault.HintOf(err))
		}
	})

	t.Run("reports the steps of hooks", func(t *testing.T) {
		t.Parallel()
		for _, job := range []bool{false, true} {
			t.Run(fmt.Sprintf("as a Job %t", job), func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				items, err := b.hook(t, t.Context(), job, "journey")
				if got := strings.Join(items, ", "); err != nil || got != "journey/register done, journey/feed done" {
					t.Fatalf("got %s, %v", got, err)
				}
				if n := b.podsLeft(t); n != 0 {
					t.Errorf("%d pods are left", n)
				}
				_, err = b.hook(t, t.Context(), job, "journey", "broken")
				wantFailure(t, err, `journey: step "feed" failed: GET http://feed: 500 no database`)
				if n := b.podsLeft(t); n != 1 {
					t.Errorf("%d pods are left as evidence", n)
				}
				if _, err = b.hook(t, t.Context(), job, "journey"); err != nil || b.podsLeft(t) != 0 {
					t.Errorf("the old one was not replaced: %v", err)
				}
			})
		}
	})

	t.Run("stops hooks when ctx is done", func(t *testing.T) {
		t.Parallel()
		for _, job := range []bool{false, true} {
			t.Run(fmt.Sprintf("as a Job %t", job), func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
				defer cancel()
				_, err := b.hook(t, ctx, job, "hang")
				if fault.ClassOf(err) != fault.Inconclusive || b.podsLeft(t) != 0 {
					t.Errorf("got %v, and %d pods are left", err, b.podsLeft(t))
				}
			})
		}
	})
}

// hook runs one test hook whose container is given the arguments.
func (b *bench) hook(t *testing.T, ctx context.Context, job bool, args ...string) (items []string, err error) {
	t.Helper()
	pod := b.workload("journey", 1).Spec.Template
	pod.Spec.RestartPolicy = corev1.RestartPolicyNever
	pod.Spec.Containers[0].Args, pod.Spec.Containers[0].ReadinessProbe = args, nil
	meta := metav1.ObjectMeta{Name: "journey", Namespace: b.namespace}
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
	runner := verify.New(verify.Options{Client: b.client, Objects: b.objects, Namespace: b.namespace, Image: b.image, Release: "test", Exit: exitIn})
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

// exitIn asks a node of the cluster how a container has ended.
func exitIn(ctx context.Context, node, id string) (code int, ok bool) {
	nodes := cluster.New(cluster.Spec{}, cluster.Limits{}).NodesOf(cluster.Status{Nodes: []cluster.NodeStatus{{Name: node}}})
	return nodes[0].Exit(ctx, id)
}

// podsLeft is how many pods there are in the namespace. The node's runtime must
// know how each has ended.
func (b *bench) podsLeft(t *testing.T) int {
	t.Helper()
	pods, err := b.client.CoreV1().Pods(b.namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pods.Items {
		c := p.Status.ContainerStatuses[0]
		if code, ok := exitIn(t.Context(), p.Spec.NodeName, c.ContainerID); !ok || c.State.Terminated == nil || code != int(c.State.Terminated.ExitCode) {
			t.Errorf("container %s ended with %d, known %v; the kubelet says %+v", c.ContainerID, code, ok, c.State)
		}
	}
	return len(pods.Items)
}

// Row 46 of the fault list. It takes the DNS from the cluster, so no other runs beside it.
func TestRunner_VerifyWithoutDNSE2E(t *testing.T) {
	if os.Getenv("TKDEPLOY_E2E_FAULTS") != "all" {
		t.Skip("SKIPPED: it takes a minute in which no other test can run; make test-faults runs it")
	}
	b := newBench(t)
	objects := b.deploy(t, "feed", "/health", 1)
	before := b.scaleDNS(t, 0)
	t.Cleanup(func() { b.scaleDNS(t, before) })
	_, err := b.run(t, objects)
	wantFailure(t, err, "cluster DNS: look up kubernetes.default.svc.cluster.local: ", "Service kube-dns has no ready endpoints", "6 more checks skipped")
}

func unready(pod corev1.Pod) bool {
	return !slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// scaleDNS gives the replicas that there were.
func (b *bench) scaleDNS(t *testing.T, replicas int32) int32 {
	t.Helper()
	ctx := context.Background() // also called when the test's own context is over
	deployments := b.client.AppsV1().Deployments("kube-system")
	scale, err := deployments.GetScale(ctx, "coredns", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	before := scale.Spec.Replicas
	wanted := &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: "coredns", Namespace: "kube-system"}, Spec: autoscalingv1.ScaleSpec{Replicas: replicas}}
	if _, err := deployments.UpdateScale(ctx, "coredns", wanted, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	err = wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		pods, err := b.client.CoreV1().Pods("kube-system").List(ctx, metav1.ListOptions{LabelSelector: "k8s-app=kube-dns"})
		return err == nil && len(pods.Items) == int(replicas) && !slices.ContainsFunc(pods.Items, unready), err
	})
	if err != nil {
		t.Fatal(err)
	}
	return before
}
