package hooks

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/verify/pods/podstest"
)

func TestRunner_Run(t *testing.T) {
	t.Parallel()
	t.Run("reports the steps of a hook", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			kubelet := &podstest.Kubelet{States: life(corev1.PodSucceeded, 0), Logs: []string{passingLog[:50], passingLog}}
			client := kubelet.Cluster(t)
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
	})

	t.Run("names a failed step and keeps its pod", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			log := "TAP version 14\n1..3\nok 1 - register\nnot ok 2 - feed from the database\n  ---\n  message: \"GET http://api-gateway:4000/feed: 500 hunter2\"\n  ...\nok 3 - like # SKIP needs \"feed\"\n"
			kubelet := &podstest.Kubelet{States: life(corev1.PodFailed, 1), Logs: []string{log}}
			client := kubelet.Cluster(t)
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
	})

	t.Run("creates a hook again after a start error", func(t *testing.T) {
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
					kubelet := &podstest.Kubelet{First: test.first, States: test.states, Logs: []string{""}}
					if test.made == 2 && test.first != nil {
						kubelet.Logs = []string{"", passingLog}
					}
					client := kubelet.Cluster(t)
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
	})

	t.Run("explains why a hook did not start", func(t *testing.T) {
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
	})

	t.Run("explains why a hook was refused", func(t *testing.T) {
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
	})

	t.Run("deletes a hook at the deadline", func(t *testing.T) {
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
	})

	t.Run("deletes hooks after cancellation", func(t *testing.T) {
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
	})

	t.Run("replaces an old hook if its policy says so", func(t *testing.T) {
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
	})

	t.Run("rereads a broken log without repeating steps", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			kubelet := &podstest.Kubelet{States: life(corev1.PodSucceeded, 0), Logs: []string{passingLog[:30], "", passingLog}, LogErr: map[int]error{2: errors.New("connection reset by peer")}}
			client := kubelet.Cluster(t)
			o := runOn(t.Context(), client, podHook(t, "journey", beforeCreation))
			if want := "journey/register done\njourney/like blocked skipped: no video"; o.err != nil || o.ends() != want {
				t.Errorf("got %v\n%s\nwant\n%s", o.err, o.ends(), want)
			}
		})
	})

	t.Run("reopens a silent watch", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			client := (&podstest.Kubelet{States: life(corev1.PodSucceeded, 0), Logs: []string{passingLog}}).Cluster(t)
			client.PrependWatchReactor("pods", podstest.SilentWatch())
			o := runOn(t.Context(), client, podHook(t, "journey", beforeCreation))
			if want := "journey/register done\njourney/like blocked skipped: no video"; o.err != nil || o.ends() != want || o.took > 30*time.Second {
				t.Errorf("got %v after %v\n%s", o.err, o.took, o.ends())
			}
		})
	})

	t.Run("waits for an unavailable API server", func(t *testing.T) {
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
	})
}

func TestWithout(t *testing.T) {
	t.Parallel()
	kept := Without([]Hook{{Name: "account"}, {Name: "journey"}, {Name: "account"}}, []string{"account", "feed"})
	if len(kept) != 1 || kept[0].Name != "journey" {
		t.Errorf("got hooks %v, want journey", kept)
	}
}
