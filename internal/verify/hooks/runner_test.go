package hooks

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
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
				t.Errorf("got follow %v, want true, then false for the pod that has ended", follows)
			}
			if want := "journey/register done\njourney/like blocked skipped: no video"; o.ends() != want {
				t.Errorf("items (-want +got):\n%s", cmp.Diff(want, o.ends()))
			}
			for _, e := range o.events {
				if e.Item == "journey/register" && e.Elapsed != 12*time.Millisecond {
					t.Errorf("got event %+v, want 12ms", e)
				}
			}
			if there := left(t, client); there != "" {
				t.Errorf("got left: %s, want nothing", there)
			}
			if o.took != 3*time.Second {
				t.Errorf("took %v, want 3s, when the pod ends", o.took)
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
				t.Fatalf("got  %v of class %q\nwant %s of class %q", o.err, fault.ClassOf(o.err), want, fault.Smoke)
			}
			if hint, want := fault.HintOf(o.err), "read the whole log: kubectl -n app logs pod/journey\nrun \"tkdeploy verify\" again"; hint != want {
				t.Errorf("got hint %q, want %q", hint, want)
			}
			ends := "journey/register done\njourney/feed from the database failed GET http://api-gateway:4000/feed: 500 [redacted]\n" +
				"journey/like blocked skipped: needs \"feed\"\nload blocked skipped: journey failed"
			if o.ends() != ends {
				t.Errorf("items (-want +got):\n%s", cmp.Diff(ends, o.ends()))
			}
			if there := left(t, client); there != "pod journey" {
				t.Errorf("got left: %q, want the pod journey", there)
			}
		})
	})

	t.Run("creates a hook again after a start error", func(t *testing.T) {
		t.Parallel()
		const steps = "journey/register done\njourney/like blocked skipped: no video"
		for name, test := range map[string]struct {
			first, states []corev1.PodStatus
			created       int
			ends          string
		}{
			"passes the second time": {
				first: unstartable, states: life(corev1.PodSucceeded, 0), created: 2, ends: steps,
			},
			"does not try a third time": {
				states: unstartable, created: 2, ends: "journey failed container prepare: exit code 128, StartError",
			},
			"does not retry if an init container ran": {
				first:  []corev1.PodStatus{hookState(corev1.PodFailed, exited(0, "Completed"), exited(128, "StartError"))},
				states: life(corev1.PodSucceeded, 0), created: 1, ends: "journey failed exit code 128, StartError",
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					kubelet := &podstest.Kubelet{First: test.first, States: test.states, Logs: []string{""}}
					if test.created == 2 && test.first != nil {
						kubelet.Logs = []string{"", passingLog}
					}
					client := kubelet.Cluster(t)
					created := 0
					client.PrependReactor("create", "pods", func(k8stesting.Action) (bool, runtime.Object, error) {
						created++
						return false, nil, nil
					})
					o := runOn(t.Context(), client, podHook(t, "journey"))
					if created != test.created || o.ends() != test.ends {
						t.Errorf("got %d creations, %v and items\n%s\nwant %d and\n%s", created, o.err, o.ends(), test.created, test.ends)
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
			"image cannot be pulled": {
				states: []corev1.PodStatus{hookState(corev1.PodPending, exited(0, "Completed"), stuckIn("ImagePullBackOff", "not found"))},
				class:  fault.Smoke, within: 2 * time.Second, want: "journey: pod journey did not start: image journey:1 is not on node  and cannot be pulled: not found",
			},
			"image of an init container": {
				states: []corev1.PodStatus{hookState(corev1.PodPending, stuckIn("ErrImageNeverPull", "not there"), isPending)},
				class:  fault.Smoke, within: 2 * time.Second, want: "journey: pod journey did not start: image prepare:1 is not on node  and cannot be pulled: not there",
			},
			"missing Secret": {
				states: []corev1.PodStatus{hookState(corev1.PodPending, stuckIn("CreateContainerConfigError", `secret "x" not found`), isPending)},
				class:  fault.Smoke, within: 2 * time.Second, want: `journey: pod journey did not start: CreateContainerConfigError: secret "x" not found`,
			},
			"no node fits": {
				states: []corev1.PodStatus{unschedulable}, class: fault.Smoke, within: 61 * time.Second,
				want: "journey: pod journey did not start within 1m0s: Unschedulable: 0/1 nodes are available",
			},
			"unknown reason": {
				class: fault.Inconclusive, within: 61 * time.Second, want: "journey: pod journey did not start within 1m0s",
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					client := (&podstest.Kubelet{States: test.states, Logs: []string{""}}).Cluster(t)
					o := runOn(t.Context(), client, podHook(t, "journey", beforeCreation))
					if o.err == nil || o.err.Error() != test.want || fault.ClassOf(o.err) != test.class || fault.HintOf(o.err) == "" {
						t.Errorf("got  %v of class %q, hint %q\nwant %s of class %q with a hint", o.err, fault.ClassOf(o.err), fault.HintOf(o.err), test.want, test.class)
					}
					if o.took > test.within {
						t.Errorf("took %v, want at most %v", o.took, test.within)
					}
					if there := left(t, client); there != "" {
						t.Errorf("got left: %s, want nothing", there)
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
			t.Errorf("got  %v of class %q\nwant %s of class %q", o.err, fault.ClassOf(o.err), want, fault.Smoke)
		}
		if !strings.Contains(fault.HintOf(o.err), "describe resourcequota") {
			t.Errorf("got hint %q, want the command for the quota", fault.HintOf(o.err))
		}
		o = runOn(t.Context(), client, Hook{Name: "unknown", Object: unstructured.Unstructured{Object: map[string]any{"kind": "Unknown", "apiVersion": "x/v1"}}})
		if want := "unknown: the cluster does not know the kind x/v1, Kind=Unknown"; o.err == nil || o.err.Error() != want {
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
						t.Errorf("got  %v of class %q after %v\nwant %s of class %q after 30s", o.err, fault.ClassOf(o.err), o.took, test.want, test.class)
					}
					if there := left(t, client); there != "" {
						t.Errorf("got left: %s, want nothing", there)
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
				t.Errorf("got %v after %v, items %s; want %v after 5s, journey canceled", o.err, o.took, o.ends(), context.Canceled)
			}
			if there := left(t, client); there != "" {
				t.Errorf("got left: %s, want nothing", there)
			}
		})
	})

	t.Run("replaces an old hook if its policy says so", func(t *testing.T) {
		t.Parallel()
		for policy, wantErr := range map[string]bool{beforeCreation: false, afterSuccess: true} {
			t.Run(policy, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					old := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "journey", Namespace: "app", Labels: map[string]string{"from": "yesterday"}}}
					client := (&podstest.Kubelet{Logs: []string{passingLog}}).Cluster(t, old)
					if !wantErr {
						client = (&podstest.Kubelet{States: life(corev1.PodSucceeded, 0), Logs: []string{passingLog}}).Cluster(t, old)
					}
					o := runOn(t.Context(), client, podHook(t, "journey", policy))
					if (o.err != nil) != wantErr {
						t.Errorf("got %v, want an error: %t", o.err, wantErr)
					}
					if wantErr && (!strings.Contains(o.err.Error(), "already exists") || !strings.Contains(fault.HintOf(o.err), "delete pod journey") || left(t, client) != "pod journey") {
						t.Errorf("got %v, hint %q, left %q; want the old pod kept and a hint to delete it", o.err, fault.HintOf(o.err), left(t, client))
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
				t.Errorf("got %v and items\n%s\nwant success and\n%s", o.err, o.ends(), want)
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
				t.Errorf("got %v after %v and items\n%s\nwant success within 30s and\n%s", o.err, o.took, o.ends(), want)
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
					end := time.Now().Add(5 * time.Second)
					client.PrependReactor(verb, "pods", func(k8stesting.Action) (bool, runtime.Object, error) {
						return time.Now().Before(end), nil, apierrors.NewServiceUnavailable("outage")
					})
					if o := runOn(t.Context(), client, podHook(t, "journey", beforeCreation)); o.err != nil || left(t, client) != "" {
						t.Errorf("got %v, left %s; want success, nothing left", o.err, left(t, client))
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
