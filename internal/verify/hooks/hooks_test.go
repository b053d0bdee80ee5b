package hooks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
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

// hookState is the state of the hook's containers.
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

// A life is what a pod's kubelet tells of it, a second apart.
func life(end corev1.PodPhase, code int32) []corev1.PodStatus {
	reason := map[bool]string{true: "Completed", false: "Error"}[code == 0]
	return []corev1.PodStatus{
		hookState(corev1.PodPending, isRunning, isPending),
		hookState(corev1.PodRunning, exited(0, "Completed"), isRunning),
		hookState(end, exited(0, "Completed"), exited(code, reason)),
	}
}

const passingLog = "TAP version 14\n1..2\nok 1 - register\n  ---\n  duration_ms: 12\n  ...\nok 2 - like # SKIP no video\n"

// outcome is the result of a run.
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

// ends are the items that ended, with their messages.
func (o outcome) ends() string {
	var items []string
	for _, e := range o.events {
		if e.Kind == event.ItemFinished {
			items = append(items, strings.TrimSpace(fmt.Sprintf("%s %s %s", e.Item, e.Outcome, e.Message)))
		}
	}
	return strings.Join(items, "\n")
}

// left are the hook objects that are still there.
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

func TestTheStepsOfAHookAreReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := &podstest.Kubelet{States: life(corev1.PodSucceeded, 0), Logs: []string{passingLog[:50], passingLog}}
		client := n.Cluster(t)
		var follows []bool
		client.PrependReactor("get", "pods", func(action k8stesting.Action) (bool, runtime.Object, error) {
			if action.GetSubresource() == "log" {
				follows = append(follows, action.(k8stesting.GenericAction).GetValue().(*corev1.PodLogOptions).Follow)
			}
			return false, nil, nil
		})
		o := runOn(t.Context(), client, podHook(t, "journey", beforeCreation))
		if o.err != nil {
			t.Fatal(o.err)
		}
		if !slices.Equal(follows, []bool{true, false}) {
			t.Errorf("followed %v: of a pod that is over the log is only read", follows)
		}
		if want := "journey/register done\njourney/like blocked skipped: no video"; o.ends() != want {
			t.Errorf("got\n%s\nwant\n%s", o.ends(), want)
		}
		for _, e := range o.events {
			if e.Item == "journey/register" && e.Elapsed != 12*time.Millisecond {
				t.Errorf("event %+v", e)
			}
		}
		if there := left(t, client); there != "" {
			t.Errorf("there still are %s", there)
		}
		if o.took != 3*time.Second {
			t.Errorf("took %v, although the pod was over after 3 s", o.took)
		}
	})
}

func TestAPassIsTheRuntimesToTellAndAFailureTheKubelets(t *testing.T) {
	t.Parallel()
	const once, never = "node-1 containerd://main", ""
	answer := func(code int, ok bool) func() (int, bool) { return func() (int, bool) { return code, ok } }
	for name, test := range map[string]struct {
		runtime func() (code int, ok bool)
		kubelet int32 // the exit status that it tells, after 3 s
		log     string
		asked   string
		took    time.Duration
		err     string
	}{
		"a pass":                       {answer(0, true), 0, passingLog, once, 2 * time.Second, ""},
		"a pass that is not known yet": {answer(0, false), 0, passingLog, once, 3 * time.Second, ""},
		"a failure":                    {answer(3, true), 3, passingLog, once, 3 * time.Second, "journey: exit code 3"},
		"a step that failed":           {answer(0, true), 0, "TAP version 14\n1..1\nnot ok 1 - register\n", never, 3 * time.Second, `journey: step "register" failed`},
		"steps that are still to come": {answer(0, true), 0, "TAP version 14\n1..2\nok 1 - register\n", never, 3 * time.Second, `journey: ended after 1 of 2 steps, last step "register"`},
		"a log that is none of steps":  {answer(0, true), 0, "all well\n", never, 3 * time.Second, ""},
		"no runtime that can be asked": {nil, 0, passingLog, never, 3 * time.Second, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				end := map[bool]corev1.PodPhase{true: corev1.PodSucceeded, false: corev1.PodFailed}[test.kubelet == 0]
				client := (&podstest.Kubelet{States: life(end, test.kubelet), Logs: []string{test.log}}).Cluster(t)
				r, asked := newRunner(client), []string{}
				if test.runtime != nil {
					r.Exit = func(_ context.Context, node, id string) (int, bool) {
						asked = append(asked, node+" "+id)
						return test.runtime()
					}
				}
				hook := podHook(t, "journey")
				if err := unstructured.SetNestedField(hook.Object.Object, "node-1", "spec", "nodeName"); err != nil {
					t.Fatal(err)
				}
				o := run(t.Context(), r, hook)
				if got := fmt.Sprint(o.err); got != test.err && (test.err != "" || o.err != nil) {
					t.Errorf("got  %s\nwant %s", got, test.err)
				}
				if got := strings.Join(asked, ", "); got != test.asked || o.took != test.took {
					t.Errorf("asked %q, took %v; want %q, %v", got, o.took, test.asked, test.took)
				}
				if want := "journey/register done\njourney/like blocked skipped: no video"; test.log == passingLog && test.err == "" && o.ends() != want {
					t.Errorf("got\n%s\nwant\n%s", o.ends(), want)
				}
			})
		})
	}
}

func TestAFailedStepIsNamedAndThePodKeptAsEvidence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := "TAP version 14\n1..3\nok 1 - register\nnot ok 2 - feed from the database\n  ---\n  message: \"GET http://api-gateway:4000/feed: 500 hunter2\"\n  ...\nok 3 - like # SKIP needs \"feed\"\n"
		n := &podstest.Kubelet{States: life(corev1.PodFailed, 1), Logs: []string{log}}
		client := n.Cluster(t)
		o := runOn(t.Context(), client, configMapHook(t, "account", beforeCreation, afterSuccess), podHook(t, "journey", beforeCreation), configMapHook(t, "later"), podHook(t, "load"))
		want := `journey: step "feed from the database" failed: GET http://api-gateway:4000/feed: 500 [redacted]`
		var failure *Error
		if !errors.As(o.err, &failure) || fault.ClassOf(o.err) != fault.Smoke || o.err.Error() != want {
			t.Fatalf("got  %v of class %q\nwant %s", o.err, fault.ClassOf(o.err), want)
		}
		if hint := fault.HintOf(o.err); hint != "read the whole log: kubectl -n app logs pod/journey\nrun \"tkdeploy verify\" again" {
			t.Errorf("hint %s", hint)
		}
		ends := "journey/register done\njourney/feed from the database failed GET http://api-gateway:4000/feed: 500 [redacted]\n" +
			"journey/like blocked skipped: needs \"feed\"\nload blocked skipped: journey failed"
		if o.ends() != ends {
			t.Errorf("got\n%s\nwant\n%s", o.ends(), ends)
		}
		if there := left(t, client); there != "pod journey" {
			t.Errorf("left: %s", there)
		}
	})
}

func TestAHookIsJudged(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		states     []corev1.PodStatus
		log        string
		policy     string
		err, ends  string
		left, hint string
	}{
		"by its exit status, if it writes no TAP": {
			states: life(corev1.PodSucceeded, 0), log: "all well\n", ends: "journey done",
		},
		"with its last lines, if it fails": {
			states: life(corev1.PodFailed, 3), log: strings.Repeat("x\n", 30) + "first\npassword hunter2\nno line break",
			err:  "journey: exit code 3\n" + strings.Repeat("  x\n", 17) + "  first\n  password [redacted]\n  no line break",
			ends: "journey failed exit code 3\n" + strings.Repeat("  x\n", 17) + "  first\n  password [redacted]\n  no line break",
			left: "pod journey",
		},
		"and is deleted then, if its policy says so": {
			states: life(corev1.PodFailed, 1), log: "oh\n", policy: afterFailure,
			err: "journey: exit code 1\n  oh", ends: "journey failed exit code 1\n  oh",
		},
		"by steps that did not come": {
			states: life(corev1.PodFailed, 137), log: "TAP version 14\n1..7\nok 1 - register",
			err: `journey: ended after 1 of 7 steps, last step "register"; exit code 137`, left: "pod journey",
			ends: "journey/register done\n" + `journey failed ended after 1 of 7 steps, last step "register"; exit code 137`,
		},
		"by its exit status, even if every step passed": {
			states: life(corev1.PodFailed, 2), log: "TAP version 14\n1..1\nok 1 - register\ncannot clean up\n",
			err: "journey: exit code 2\n  cannot clean up", left: "pod journey",
			ends: "journey/register done\njourney failed exit code 2\n  cannot clean up",
		},
		"by its steps, even if its exit status is 0": {
			states: life(corev1.PodSucceeded, 0), log: "TAP version 14\n1..1\nnot ok 1 - register\n",
			err: `journey: step "register" failed`, ends: "journey/register failed", left: "pod journey",
		},
		"by its containers' ends, before the kubelet has taken the pod apart": {
			states: life(corev1.PodRunning, 0), log: "all well\n", ends: "journey done",
		},
		"the same, of one that failed": {
			states: life(corev1.PodRunning, 3), log: "oh\n", err: "journey: exit code 3\n  oh", ends: "journey failed exit code 3\n  oh", left: "pod journey",
		},
		"by its init containers": {
			states: []corev1.PodStatus{hookState(corev1.PodPending, isRunning, isPending), hookState(corev1.PodFailed, exited(5, "Error"), isPending)},
			log:    "cannot prepare\n",
			err:    "journey: container prepare: exit code 5\n  cannot prepare", ends: "journey failed container prepare: exit code 5\n  cannot prepare", left: "pod journey",
		},
		"by the end of its pod": {
			states: append(life(corev1.PodFailed, 0)[:2:2], corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted", Message: "low on memory"}),
			log:    "half\n", err: "journey: pod terminated, Evicted: low on memory\n  half", ends: "journey failed pod terminated, Evicted: low on memory\n  half", left: "pod journey",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := (&podstest.Kubelet{States: test.states, Logs: []string{test.log}}).Cluster(t)
				o := runOn(t.Context(), client, podHook(t, "journey", test.policy))
				if got := fmt.Sprint(o.err); got != test.err && (test.err != "" || o.err != nil) {
					t.Errorf("got  %s\nwant %s", got, test.err)
				}
				if o.err != nil && fault.ClassOf(o.err) != fault.Smoke {
					t.Errorf("class %q", fault.ClassOf(o.err))
				}
				if o.ends() != test.ends {
					t.Errorf("got\n%s\nwant\n%s", o.ends(), test.ends)
				}
				if there := left(t, client); there != test.left {
					t.Errorf("left %q, want %q", there, test.left)
				}
			})
		})
	}
}

// unstartable are the states of a pod of which the node could start nothing.
var unstartable = []corev1.PodStatus{hookState(corev1.PodFailed, exited(128, "StartError"), isPending)}

func TestAHookThatItsNodeCouldNotStartIsMadeOnceMore(t *testing.T) {
	t.Parallel()
	const steps = "journey/register done\njourney/like blocked skipped: no video"
	for name, test := range map[string]struct {
		first, states []corev1.PodStatus
		made          int
		ends          string
	}{
		"and passes": {
			first: unstartable, states: life(corev1.PodSucceeded, 0), made: 2, ends: steps,
		},
		"but not a third time": {
			states: unstartable, made: 2, ends: "journey failed container prepare: exit code 128, StartError",
		},
		"but not if something of it has run": {
			first:  []corev1.PodStatus{hookState(corev1.PodFailed, exited(0, "Completed"), exited(128, "StartError"))},
			states: life(corev1.PodSucceeded, 0), made: 1, ends: "journey failed exit code 128, StartError",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := &podstest.Kubelet{First: test.first, States: test.states, Logs: []string{""}}
				if test.made == 2 && test.first != nil {
					n.Logs = []string{"", passingLog}
				}
				client := n.Cluster(t)
				made := 0
				client.PrependReactor("create", "pods", func(k8stesting.Action) (bool, runtime.Object, error) {
					made++
					return false, nil, nil
				})
				o := runOn(t.Context(), client, podHook(t, "journey"))
				if made != test.made || o.ends() != test.ends {
					t.Errorf("made %d times, and ends with\n%s\n%v", made, o.ends(), o.err)
				}
			})
		})
	}
}

func TestAHookThatCannotStartSaysWhyAndIsGone(t *testing.T) {
	t.Parallel()
	unschedulable := corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/1 nodes are available"}}}
	for name, test := range map[string]struct {
		states []corev1.PodStatus
		class  fault.Class
		want   string
		within time.Duration
	}{
		"an image that cannot be pulled": {
			states: []corev1.PodStatus{hookState(corev1.PodPending, exited(0, "Completed"), stuckIn("ImagePullBackOff", "not found"))},
			class:  fault.Smoke, within: 2 * time.Second, want: "journey: pod journey did not start: image journey:1 is not on node  and cannot be pulled: not found",
		},
		"an init container's image": {
			states: []corev1.PodStatus{hookState(corev1.PodPending, stuckIn("ErrImageNeverPull", "not there"), isPending)},
			class:  fault.Smoke, within: 2 * time.Second, want: "journey: pod journey did not start: image prepare:1 is not on node  and cannot be pulled: not there",
		},
		"a Secret that is missing": {
			states: []corev1.PodStatus{hookState(corev1.PodPending, stuckIn("CreateContainerConfigError", `secret "x" not found`), isPending)},
			class:  fault.Smoke, within: 2 * time.Second, want: `journey: pod journey did not start: CreateContainerConfigError: secret "x" not found`,
		},
		"no node that takes it": {
			states: []corev1.PodStatus{unschedulable}, class: fault.Smoke, within: 61 * time.Second,
			want: "journey: pod journey did not start within 1m0s: Unschedulable: 0/1 nodes are available",
		},
		"a node that says nothing": {
			class: fault.Inconclusive, within: 61 * time.Second, want: "journey: pod journey did not start within 1m0s",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := (&podstest.Kubelet{States: test.states, Logs: []string{""}}).Cluster(t)
				o := runOn(t.Context(), client, podHook(t, "journey", beforeCreation))
				if o.err == nil || o.err.Error() != test.want || fault.ClassOf(o.err) != test.class || fault.HintOf(o.err) == "" {
					t.Errorf("got  %v of class %q, hint %q\nwant %s", o.err, fault.ClassOf(o.err), fault.HintOf(o.err), test.want)
				}
				if o.took > test.within {
					t.Errorf("took %v", o.took)
				}
				if there := left(t, client); there != "" {
					t.Errorf("left: %s", there)
				}
			})
		})
	}
}

func TestARefusedHookIsToldAtOnce(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset()
	refusal := apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "journey", errors.New("exceeded quota: small"))
	client.PrependReactor("create", "pods", func(k8stesting.Action) (bool, runtime.Object, error) { return true, nil, refusal })
	o := runOn(t.Context(), client, podHook(t, "journey", beforeCreation))
	if want := "journey: create Pod journey: " + refusal.Error(); o.err == nil || o.err.Error() != want || fault.ClassOf(o.err) != fault.Smoke {
		t.Errorf("got  %v of class %q\nwant %s", o.err, fault.ClassOf(o.err), want)
	}
	if !strings.Contains(fault.HintOf(o.err), "describe resourcequota") {
		t.Errorf("hint %s", fault.HintOf(o.err))
	}
	o = runOn(t.Context(), client, Hook{Name: "unheard", Object: unstructured.Unstructured{Object: map[string]any{"kind": "Unheard", "apiVersion": "x/v1"}}})
	if want := "unheard: the cluster does not know the kind x/v1, Kind=Unheard"; o.err == nil || o.err.Error() != want {
		t.Errorf("got  %v\nwant %s", o.err, want)
	}
}

func TestNothingOfAHookRunsOnWhenTheTimeIsUp(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		states []corev1.PodStatus
		log    string
		class  fault.Class
		want   string
	}{
		"while it starts": {
			class: fault.Inconclusive, want: "journey: wait for the hook to finish: context deadline exceeded",
		},
		"while it runs": {
			states: life(corev1.PodSucceeded, 0)[:2], log: "TAP version 14\n1..2\nok 1 - register\n",
			class: fault.Inconclusive, want: `journey: wait for the hook to finish after step "register": context deadline exceeded`,
		},
		"after a step failed": {
			states: life(corev1.PodSucceeded, 0)[:2], log: "TAP version 14\n1..2\nnot ok 1 - register\n\n",
			class: fault.Smoke, want: "journey: step \"register\" failed\njourney: wait for the hook to finish after step \"register\": context deadline exceeded",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				client := (&podstest.Kubelet{States: test.states, Logs: []string{test.log}}).Cluster(t)
				o := runOn(ctx, client, podHook(t, "journey", beforeCreation))
				if o.err == nil || o.err.Error() != test.want || fault.ClassOf(o.err) != test.class || o.took != 30*time.Second {
					t.Errorf("got  %v of class %q after %v\nwant %s", o.err, fault.ClassOf(o.err), o.took, test.want)
				}
				if there := left(t, client); there != "" {
					t.Errorf("left: %s", there)
				}
			})
		})
	}
}

func TestACanceledHookIsTakenAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		client := (&podstest.Kubelet{States: life(corev1.PodSucceeded, 0)[:2], Logs: []string{"working\n"}}).Cluster(t)
		time.AfterFunc(5*time.Second, cancel)
		o := runOn(ctx, client, configMapHook(t, "account", beforeCreation, afterSuccess), podHook(t, "journey", beforeCreation))
		if !errors.Is(o.err, context.Canceled) || o.took != 5*time.Second || o.ends() != "journey canceled" {
			t.Errorf("got %v after %v: %s", o.err, o.took, o.ends())
		}
		if there := left(t, client); there != "" {
			t.Errorf("left: %s", there)
		}
	})
}

func TestAnOldHookIsReplacedIfItsPolicySaysSo(t *testing.T) {
	t.Parallel()
	for policy, wantErr := range map[string]bool{beforeCreation: false, afterSuccess: true} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				old := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "journey", Namespace: "app", Labels: map[string]string{"of": "yesterday"}}}
				client := (&podstest.Kubelet{Logs: []string{passingLog}}).Cluster(t, old)
				if !wantErr {
					client = (&podstest.Kubelet{States: life(corev1.PodSucceeded, 0), Logs: []string{passingLog}}).Cluster(t, old)
				}
				o := runOn(t.Context(), client, podHook(t, "journey", policy))
				if (o.err != nil) != wantErr {
					t.Errorf("got %v", o.err)
				}
				if wantErr && (!strings.Contains(o.err.Error(), "already exists") || !strings.Contains(fault.HintOf(o.err), "delete pod journey") || left(t, client) != "pod journey") {
					t.Errorf("got %v, hint %s, left %s", o.err, fault.HintOf(o.err), left(t, client))
				}
			})
		})
	}
}

func TestABrokenLogOfAHookIsReadAgainWithoutTellingTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := &podstest.Kubelet{States: life(corev1.PodSucceeded, 0), Logs: []string{passingLog[:30], "", passingLog}, LogErr: map[int]error{2: errors.New("connection reset by peer")}}
		client := n.Cluster(t)
		o := runOn(t.Context(), client, podHook(t, "journey", beforeCreation))
		if want := "journey/register done\njourney/like blocked skipped: no video"; o.err != nil || o.ends() != want {
			t.Errorf("got %v\n%s\nwant\n%s", o.err, o.ends(), want)
		}
	})
}

func TestASilentWatchOfAHookIsNoticed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := (&podstest.Kubelet{States: life(corev1.PodSucceeded, 0), Logs: []string{passingLog}}).Cluster(t)
		client.PrependWatchReactor("pods", podstest.SilentWatch())
		o := runOn(t.Context(), client, podHook(t, "journey", beforeCreation))
		if want := "journey/register done\njourney/like blocked skipped: no video"; o.err != nil || o.ends() != want || o.took > 30*time.Second {
			t.Errorf("got %v after %v\n%s", o.err, o.took, o.ends())
		}
	})
}

func TestAnAPIServerThatIsAwayIsWaitedForByHooks(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"create", "get", "delete"} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := (&podstest.Kubelet{States: life(corev1.PodSucceeded, 0), Logs: []string{passingLog}}).Cluster(t)
				back := time.Now().Add(5 * time.Second)
				client.PrependReactor(verb, "pods", func(k8stesting.Action) (bool, runtime.Object, error) {
					return time.Now().Before(back), nil, apierrors.NewServiceUnavailable("away")
				})
				if o := runOn(t.Context(), client, podHook(t, "journey", beforeCreation)); o.err != nil || left(t, client) != "" {
					t.Errorf("got %v, left %s", o.err, left(t, client))
				}
			})
		})
	}
}

func TestWithoutLeavesOutHooksByName(t *testing.T) {
	t.Parallel()
	kept := Without([]Hook{{Name: "account"}, {Name: "journey"}, {Name: "account"}}, []string{"account", "feed"})
	if len(kept) != 1 || kept[0].Name != "journey" {
		t.Errorf("got hooks %v, want journey", kept)
	}
}
