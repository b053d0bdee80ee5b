package hooks

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/verify/pods/podstest"
)

func TestPodFollower_passed(t *testing.T) {
	t.Parallel()
	t.Run("trusts the runtime only for exit code 0", func(t *testing.T) {
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
	})
}

func TestPodFollower_failures(t *testing.T) {
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
