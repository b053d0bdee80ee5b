package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/verify/checks"
	"tkdeploy.dev/tkdeploy/internal/verify/pods/podstest"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

func running() corev1.PodStatus {
	return container(corev1.ContainerState{Running: &corev1.ContainerStateRunning{}})
}

func waiting(reason, message string) corev1.PodStatus {
	return container(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}})
}

func terminated(reason string, code int32, message string) corev1.PodStatus {
	return container(corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: reason, ExitCode: code, Message: message}})
}

func container(state corev1.ContainerState) corev1.PodStatus {
	return corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: containerName, State: state}}}
}

func line(t *testing.T, r probe.Result) string {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n"
}

func passed(id string) probe.Result {
	return probe.Result{ID: id, Outcome: probe.Passed, Message: id + " passed", Attempts: 1, Latency: 2 * time.Millisecond}
}

var threeChecks = []probe.Check{
	{ID: checks.ClusterDNS, Kind: probe.DNS, Target: probe.Target{Host: "kubernetes.default.svc.cluster.local"}},
	{ID: "feed/dns", Service: "feed", Kind: probe.DNS, Target: probe.Target{Host: "feed"}, Needs: []string{checks.ClusterDNS}},
	{ID: "feed/tcp-80", Service: "feed", Kind: probe.TCP, Target: probe.Target{Host: "feed", Port: 80}, Needs: []string{"feed/dns"}},
}

func optionsFor(client kubernetes.Interface) Options {
	return Options{Client: client, Namespace: "app", Release: "shop", Image: "tkdeploy:1", Suffix: func() string { return "abcde" }}
}

func runChecks(ctx context.Context, r *Runner, smokeChecks []probe.Check, reporter event.Reporter) ([]probe.Result, error) {
	run := r.newRun(smokeChecks, reporter)
	defer run.cleanUp(ctx)
	err := run.execute(ctx)
	return run.ordered(), err
}

type outcome struct {
	results []probe.Result
	err     error
	events  []event.Event
	took    time.Duration
}

func (o outcome) items() string {
	var items []string
	for _, e := range o.events {
		items = append(items, fmt.Sprintf("%s %s", e.Item, e.Outcome))
	}
	return strings.Join(items, ", ")
}

// runWith fails the test if a pod is left.
func runWith(t *testing.T, kubelet *podstest.Kubelet, objects ...runtime.Object) outcome {
	t.Helper()
	return runOn(t, t.Context(), kubelet.Cluster(t, objects...))
}

func runOn(t *testing.T, ctx context.Context, client *fake.Clientset) outcome {
	t.Helper()
	var o outcome
	start := time.Now()
	o.results, o.err = runChecks(ctx, New(optionsFor(client)), threeChecks, event.ReporterFunc(func(e event.Event) { o.events = append(o.events, e) }))
	o.took = time.Since(start)
	left, err := client.CoreV1().Pods("app").List(t.Context(), metav1.ListOptions{LabelSelector: checks.SmokeLabel})
	if err != nil || len(left.Items) > 0 {
		t.Errorf("got %d pods left, %v, want none", len(left.Items), err)
	}
	return o
}

func TestRun_execute(t *testing.T) {
	t.Parallel()
	t.Run("reports each result when it arrives", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			log := "warning: from the Go runtime\n" + line(t, passed(checks.ClusterDNS)) + line(t, passed("feed/tcp-80")) + line(t, passed("unknown")) + line(t, passed("feed/dns"))
			kubelet := &podstest.Kubelet{States: []corev1.PodStatus{waiting("ContainerCreating", ""), running()}, Logs: []string{log}}
			o := runWith(t, kubelet)
			if o.err != nil {
				t.Fatal(o.err)
			}
			if want := "cluster-dns done, feed/tcp-80 done, feed/dns done"; o.items() != want {
				t.Errorf("got  %s\nwant %s", o.items(), want)
			}
			for _, e := range o.events {
				if e.Kind != event.ItemFinished || e.Elapsed != 2*time.Millisecond || e.Mutations != 0 {
					t.Errorf("got event %+v, want an unchanged item of 2ms", e)
				}
			}
			if len(o.results) != 3 || o.results[1].ID != "feed/dns" || o.results[1].Check.Service != "feed" {
				t.Errorf("got results %+v, want them in the order of the checks", o.results)
			}
			if o.took != 2*time.Second {
				t.Errorf("took %v, want 2s, when the pod runs", o.took)
			}
		})
	})

	t.Run("rereads a broken log without repeating results", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			first := line(t, passed(checks.ClusterDNS))
			second := line(t, passed("feed/dns"))
			kubelet := &podstest.Kubelet{
				States: []corev1.PodStatus{running(), terminated("Completed", 0, "")},
				Logs:   []string{first + second[:20], "", first + second + line(t, passed("feed/tcp-80"))},
				LogErr: map[int]error{2: errors.New("connection reset by peer")},
			}
			o := runWith(t, kubelet)
			if o.err != nil {
				t.Fatal(o.err)
			}
			if want := "cluster-dns done, feed/dns done, feed/tcp-80 done"; o.items() != want {
				t.Errorf("got  %s\nwant %s", o.items(), want)
			}
		})
	})

	t.Run("joins failed checks with their causes", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			log := line(t, passed(checks.ClusterDNS)) + line(t, passed("feed/dns")) +
				line(t, probe.Result{ID: "feed/tcp-80", Outcome: probe.Failed, Reason: probe.Refused, Message: "connect to tcp://feed:80: connection refused", Attempts: 18, Elapsed: 15 * time.Second})
			kubelet := &podstest.Kubelet{States: []corev1.PodStatus{running()}, Logs: []string{log}}
			o := runWith(t, kubelet, serviceFeed())
			var failure *Failure
			if !errors.As(o.err, &failure) || fault.ClassOf(o.err) != fault.Smoke {
				t.Fatalf("got %v of class %q, want a *Failure of class %q", o.err, fault.ClassOf(o.err), fault.Smoke)
			}
			want := "feed: connect to tcp://feed:80: connection refused (18 attempts); Service feed has no ready endpoints: its selector app=feed matches no pod"
			if o.err.Error() != want {
				t.Errorf("got  %s\nwant %s", o.err, want)
			}
			if want := "kubectl -n app describe service feed"; fault.HintOf(o.err) != want {
				t.Errorf("got hint %q, want %q", fault.HintOf(o.err), want)
			}
			if want := "cluster-dns done, feed/dns done, feed/tcp-80 failed"; o.items() != want {
				t.Errorf("got  %s\nwant %s", o.items(), want)
			}
			if last := o.events[2]; last.Message != want || last.Elapsed != 15*time.Second {
				t.Errorf("got event %+v, want message %q after 15s", last, want)
			}
		})
	})

	// Row 46 of the fault list.
	t.Run("blocks all checks without cluster DNS", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			blocked := func(id string) probe.Result {
				return probe.Result{ID: id, Outcome: probe.Blocked, BlockedBy: checks.ClusterDNS, Message: "skipped: cluster-dns failed"}
			}
			log := line(t, probe.Result{ID: checks.ClusterDNS, Outcome: probe.Failed, Reason: probe.Unresolved, Message: "look up kubernetes.default.svc.cluster.local: no response from cluster DNS: i/o timeout", Attempts: 1}) +
				line(t, blocked("feed/dns")) + line(t, blocked("feed/tcp-80"))
			kubelet := &podstest.Kubelet{States: []corev1.PodStatus{running()}, Logs: []string{log}}
			dns := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "kube-dns", Namespace: "kube-system"}, Spec: corev1.ServiceSpec{ClusterIP: "10.96.0.10", Selector: map[string]string{"k8s-app": "kube-dns"}}}
			o := runWith(t, kubelet, dns)
			want := "cluster DNS: look up kubernetes.default.svc.cluster.local: no response from cluster DNS: i/o timeout; Service kube-dns has no ready endpoints: its selector k8s-app=kube-dns matches no pod\n" +
				"2 more checks skipped because a dependency failed"
			if o.err == nil || o.err.Error() != want {
				t.Errorf("got  %v\nwant %s", o.err, want)
			}
			if want := "cluster-dns failed, feed/dns blocked, feed/tcp-80 blocked"; o.items() != want {
				t.Errorf("got  %s\nwant %s", o.items(), want)
			}
		})
	})

	t.Run("explains why the pod did not start", func(t *testing.T) {
		t.Parallel()
		unschedulable := corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/1 nodes are available: 1 Too many pods."}}}
		sandbox := &corev1.Event{ObjectMeta: metav1.ObjectMeta{Name: "e", Namespace: "app"}, Type: "Warning", Reason: "FailedCreatePodSandBox", Message: "no IP left"}
		for name, test := range map[string]struct {
			states  []corev1.PodStatus
			objects []runtime.Object
			class   fault.Class
			want    string
			within  time.Duration
		}{
			"image cannot be pulled": {
				states: []corev1.PodStatus{waiting("ErrImagePull", "not found"), waiting("ImagePullBackOff", "Back-off pulling image")},
				class:  fault.Smoke, within: 3 * time.Second,
				want: "image tkdeploy:1 is not on node  and cannot be pulled: Back-off pulling image",
			},
			"runtime cannot create the container": {
				states: []corev1.PodStatus{waiting("CreateContainerError", "context deadline exceeded")},
				class:  fault.Smoke, within: 2 * time.Second, want: "CreateContainerError: context deadline exceeded",
			},
			"kubelet rejects the pod": {
				states: []corev1.PodStatus{{Phase: corev1.PodFailed, Reason: "OutOfpods", Message: "Node didn't have enough resource: pods"}},
				class:  fault.Smoke, within: 2 * time.Second, want: "OutOfpods: Node didn't have enough resource: pods",
			},
			"no node fits": {
				states: []corev1.PodStatus{unschedulable}, class: fault.Smoke, within: 61 * time.Second,
				want: "did not start within 1m0s: Unschedulable: 0/1 nodes are available: 1 Too many pods.",
			},
			"network plugin has no address": {
				states: []corev1.PodStatus{waiting("ContainerCreating", "")}, objects: []runtime.Object{sandbox},
				class: fault.Smoke, within: 61 * time.Second, want: "did not start within 1m0s: FailedCreatePodSandBox: no IP left",
			},
			"unknown reason": {
				class: fault.Inconclusive, within: 61 * time.Second, want: "did not start within 1m0s",
			},
			"image for another architecture": {
				states: []corev1.PodStatus{terminated("StartError", 128, "exec format error")},
				class:  fault.Smoke, within: 4 * time.Second, want: "terminated after 0 of 3 checks: StartError, exit code 128: exec format error",
			},
			"probe crashes": {
				states: []corev1.PodStatus{running(), terminated("OOMKilled", 137, "")},
				class:  fault.Smoke, within: 4 * time.Second, want: "terminated after 0 of 3 checks: OOMKilled, exit code 137\n  panic: no memory",
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					kubelet := &podstest.Kubelet{States: test.states, Logs: []string{"panic: no memory\n"}}
					o := runWith(t, kubelet, test.objects...)
					if o.err == nil || !strings.Contains(o.err.Error(), test.want) || fault.ClassOf(o.err) != test.class {
						t.Fatalf("got  %v of class %q\nwant %s of class %s", o.err, fault.ClassOf(o.err), test.want, test.class)
					}
					if fault.HintOf(o.err) == "" {
						t.Error("got no hint")
					}
					if o.took > test.within {
						t.Errorf("took %v, want at most %v", o.took, test.within)
					}
				})
			})
		}
	})

	t.Run("creates the pod again after a start error", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			kubelet := &podstest.Kubelet{
				First:  []corev1.PodStatus{terminated("StartError", 128, "unable to freeze")},
				States: []corev1.PodStatus{running()},
				Logs:   []string{line(t, passed(checks.ClusterDNS)) + line(t, passed("feed/dns")) + line(t, passed("feed/tcp-80"))},
			}
			o := runWith(t, kubelet)
			if o.err != nil || len(o.results) != 3 {
				t.Fatalf("got %d results, %v, want 3", len(o.results), o.err)
			}
			if want := "smoke test pod could not be started, creating it again: unable to freeze"; o.events[0].Message != want {
				t.Errorf("got %q, want %q", o.events[0].Message, want)
			}
		})
	})

	t.Run("explains why the pod was refused", func(t *testing.T) {
		t.Parallel()
		pods := schema.GroupResource{Resource: "pods"}
		for name, test := range map[string]struct {
			err  error
			hint string
		}{
			"quota":        {apierrors.NewForbidden(pods, "x", errors.New("exceeded quota: small, requested: pods=1, used: pods=3, limited: pods=3")), "describe resourcequota"},
			"limit range":  {apierrors.NewForbidden(pods, "x", errors.New("minimum cpu usage per Container is 50m, but request is 10m")), "describe limitrange"},
			"policy":       {apierrors.NewForbidden(pods, "x", errors.New(`violates PodSecurity "restricted:latest"`)), "describe namespace app"},
			"no namespace": {apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "app"), "tkdeploy up"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				client := fake.NewClientset()
				client.PrependReactor("create", "pods", func(k8stesting.Action) (bool, runtime.Object, error) { return true, nil, test.err })
				o := runOn(t, t.Context(), client)
				if !errors.Is(o.err, test.err) || fault.ClassOf(o.err) != fault.Smoke || !strings.Contains(fault.HintOf(o.err), test.hint) {
					t.Errorf("got %v of class %q, hint %q; want %v with hint %q", o.err, fault.ClassOf(o.err), fault.HintOf(o.err), test.err, test.hint)
				}
				if want := "create smoke test pod in namespace app: "; !strings.HasPrefix(o.err.Error(), want) {
					t.Errorf("got %v, want prefix %q", o.err, want)
				}
			})
		}
	})

	t.Run("deletes the pod when ctx is done", func(t *testing.T) {
		t.Parallel()
		for name, states := range map[string][]corev1.PodStatus{
			"while it starts": nil,
			"while it runs":   {running()},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
					defer cancel()
					kubelet := &podstest.Kubelet{States: states, Logs: []string{line(t, passed(checks.ClusterDNS))}}
					o := runOn(t, ctx, kubelet.Cluster(t))
					if !errors.Is(o.err, context.DeadlineExceeded) || o.took != 10*time.Second {
						t.Errorf("got %v after %v, want %v after 10s", o.err, o.took, context.DeadlineExceeded)
					}
				})
			})
		}
	})

	t.Run("deletes pods of a killed run first", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			pod := func(name string, labels map[string]string) *corev1.Pod {
				return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "app", Labels: labels}}
			}
			old := pod("tkdeploy-smoke-old", map[string]string{checks.SmokeLabel: "true", managedLabel: "tkdeploy", releaseLabel: "shop"})
			other := pod("feed-0", map[string]string{managedLabel: "tkdeploy"})
			kubelet := &podstest.Kubelet{States: []corev1.PodStatus{running()}, Logs: []string{line(t, passed(checks.ClusterDNS)) + line(t, passed("feed/dns")) + line(t, passed("feed/tcp-80"))}}
			client := kubelet.Cluster(t, old, other)
			if o := runOn(t, t.Context(), client); o.err != nil {
				t.Fatal(o.err)
			}
			if _, err := client.CoreV1().Pods("app").Get(t.Context(), "feed-0", metav1.GetOptions{}); err != nil {
				t.Errorf("get a pod of the app: %v", err)
			}
			creates := slices.IndexFunc(client.Actions(), func(a k8stesting.Action) bool { return a.GetVerb() == "create" })
			deletes := slices.IndexFunc(client.Actions(), func(a k8stesting.Action) bool { return a.GetVerb() == "delete" })
			if deletes > creates {
				t.Error("got the new pod created first, want the old one deleted first, because it counts against the quota")
			}
		})
	})

	// Rows 43 and 44 of the fault list.
	t.Run("waits for an unavailable API server", func(t *testing.T) {
		t.Parallel()
		for _, verb := range []string{"list", "create", "watch", "get", "delete"} {
			t.Run(verb, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					kubelet := &podstest.Kubelet{States: []corev1.PodStatus{running()}, Logs: []string{line(t, passed(checks.ClusterDNS)) + line(t, passed("feed/dns")) + line(t, passed("feed/tcp-80"))}}
					client := kubelet.Cluster(t)
					end := time.Now().Add(5 * time.Second)
					unavailable := func(k8stesting.Action) (bool, runtime.Object, error) {
						return time.Now().Before(end), nil, apierrors.NewServiceUnavailable("outage")
					}
					client.PrependReactor(verb, "pods", unavailable)
					if verb == "watch" {
						client.PrependWatchReactor("pods", func(k8stesting.Action) (bool, watch.Interface, error) {
							return time.Now().Before(end), nil, errors.New("outage")
						})
					}
					if o := runOn(t, t.Context(), client); o.err != nil {
						t.Error(o.err)
					}
				})
			})
		}
		synctest.Test(t, func(t *testing.T) {
			client := new(podstest.Kubelet).Cluster(t)
			client.PrependReactor("create", "pods", func(k8stesting.Action) (bool, runtime.Object, error) {
				return true, nil, apierrors.NewServiceUnavailable("outage")
			})
			if o := runOn(t, t.Context(), client); fault.ClassOf(o.err) != fault.Inconclusive || o.took < 120*time.Second || o.took > 121*time.Second {
				t.Errorf("got %v of class %q after %v, want class %q after 2m0s", o.err, fault.ClassOf(o.err), o.took, fault.Inconclusive)
			}
		})
	})

	// Row 44 of the fault list.
	t.Run("retries any failed request", func(t *testing.T) {
		t.Parallel()
		feed := probe.Result{ID: "feed/tcp-80", Outcome: probe.Failed, Message: "refused"}
		for name, failure := range map[string]error{
			"500":   apierrors.NewInternalError(errors.New("boom")),
			"429":   apierrors.NewTooManyRequests("slow down", 1),
			"409":   apierrors.NewConflict(schema.GroupResource{Resource: "pods"}, "p", errors.New("conflict")),
			"reset": syscall.ECONNRESET,
		} {
			for _, last := range []probe.Result{passed("feed/tcp-80"), feed} {
				requests := int32(0)
				for k := int32(-1); k < requests; k++ { // the first run counts the requests
					t.Run(fmt.Sprintf("%s of request %d, %s", name, k, last.Outcome), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							kubelet := &podstest.Kubelet{States: []corev1.PodStatus{running()}, Logs: []string{line(t, passed(checks.ClusterDNS)) + line(t, passed("feed/dns")) + line(t, last)}}
							client := kubelet.Cluster(t)
							seen := failKth(client, k, failure)
							o := runOn(t, t.Context(), client)
							if k < 0 {
								requests = seen.Load() - 1 // the last one is from runOn
							}
							if (o.err != nil) != (last.Outcome == probe.Failed) || o.err != nil && fault.ClassOf(o.err) != fault.Smoke {
								t.Errorf("got %v of class %q, want the outcome %q", o.err, fault.ClassOf(o.err), last.Outcome)
							}
						})
					})
				}
				if requests < 5 {
					t.Errorf("got %d requests, want at least 5", requests)
				}
			}
		}
	})

	// Row 45 of the fault list.
	t.Run("reopens a silent watch", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			kubelet := &podstest.Kubelet{States: []corev1.PodStatus{running()}, Logs: []string{line(t, passed(checks.ClusterDNS)) + line(t, passed("feed/dns")) + line(t, passed("feed/tcp-80"))}}
			client := kubelet.Cluster(t)
			client.PrependWatchReactor("pods", podstest.SilentWatch())
			if o := runOn(t, t.Context(), client); o.err != nil || o.took > 30*time.Second {
				t.Errorf("got %v after %v, want success within 30s", o.err, o.took)
			}
		})
	})

	t.Run("creates no pod without checks", func(t *testing.T) {
		t.Parallel()
		results, err := runChecks(t.Context(), New(optionsFor(fake.NewClientset())), nil, event.Discard)
		if err != nil || results != nil {
			t.Errorf("got %v, %v, want no results", results, err)
		}
	})
}

func TestEventOf(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	r := passed(checks.ClusterDNS)
	r.Attempts, r.Elapsed = 3, 4*time.Second
	if e := eventOf(r, end); !e.Start.Equal(end.Add(-4*time.Second)) || e.Elapsed != 2*time.Millisecond {
		t.Errorf("got start %v and elapsed %v, want the start of the first attempt and the latency of the last", e.Start, e.Elapsed)
	}
}

// failKth makes the k-th request fail and counts requests.
func failKth(client *fake.Clientset, k int32, failure error) *atomic.Int32 {
	var n atomic.Int32
	broken := func() bool { return n.Add(1)-1 == k }
	client.PrependReactor("*", "pods", func(k8stesting.Action) (bool, runtime.Object, error) { return broken(), nil, failure })
	client.PrependWatchReactor("pods", func(k8stesting.Action) (bool, watch.Interface, error) { return broken(), nil, failure })
	return &n
}
