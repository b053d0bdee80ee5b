package hooks

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
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
			kubelet int32 // reported by the kubelet after 3 s
			log     string
			queried string
			took    time.Duration
			err     string
		}{
			"exit code 0":              {answer(0, true), 0, passingLog, once, 2 * time.Second, ""},
			"exit code unknown":        {answer(0, false), 0, passingLog, once, 3 * time.Second, ""},
			"exit code 3":              {answer(3, true), 3, passingLog, once, 3 * time.Second, "journey: exit code 3"},
			"failed step":              {answer(0, true), 0, "TAP version 14\n1..1\nnot ok 1 - register\n", never, 3 * time.Second, `journey: step "register" failed`},
			"missing steps":            {answer(0, true), 0, "TAP version 14\n1..2\nok 1 - register\n", never, 3 * time.Second, `journey: ended after 1 of 2 steps, last step "register"`},
			"log without TAP":          {answer(0, true), 0, "all well\n", never, 3 * time.Second, ""},
			"no access to the runtime": {nil, 0, passingLog, never, 3 * time.Second, ""},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					end := map[bool]corev1.PodPhase{true: corev1.PodSucceeded, false: corev1.PodFailed}[test.kubelet == 0]
					client := (&podstest.Kubelet{States: life(end, test.kubelet), Logs: []string{test.log}}).Cluster(t)
					r, queried := newRunner(client), []string{}
					if test.runtime != nil {
						r.Exit = func(_ context.Context, node, id string) (int, bool) {
							queried = append(queried, node+" "+id)
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
					if got := strings.Join(queried, ", "); got != test.queried || o.took != test.took {
						t.Errorf("got queries %q after %v, want %q after %v", got, o.took, test.queried, test.took)
					}
					if want := "journey/register done\njourney/like blocked skipped: no video"; test.log == passingLog && test.err == "" && o.ends() != want {
						t.Errorf("items (-want +got):\n%s", cmp.Diff(want, o.ends()))
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
		"passes without TAP if it exits 0": {
			states: life(corev1.PodSucceeded, 0), log: "all well\n", ends: "journey done",
		},
		"shows the last lines of the log": {
			states: life(corev1.PodFailed, 3), log: strings.Repeat("x\n", 30) + "first\npassword hunter2\nno line break",
			err:  "journey: exit code 3\n" + strings.Repeat("  x\n", 17) + "  first\n  password [redacted]\n  no line break",
			ends: "journey failed exit code 3\n" + strings.Repeat("  x\n", 17) + "  first\n  password [redacted]\n  no line break",
			left: "pod journey",
		},
		"deletes a failed pod if its policy says so": {
			states: life(corev1.PodFailed, 1), log: "oh\n", policy: afterFailure,
			err: "journey: exit code 1\n  oh", ends: "journey failed exit code 1\n  oh",
		},
		"reports missing steps": {
			states: life(corev1.PodFailed, 137), log: "TAP version 14\n1..7\nok 1 - register",
			err: `journey: ended after 1 of 7 steps, last step "register"; exit code 137`, left: "pod journey",
			ends: "journey/register done\n" + `journey failed ended after 1 of 7 steps, last step "register"; exit code 137`,
		},
		"fails by exit code although all steps passed": {
			states: life(corev1.PodFailed, 2), log: "TAP version 14\n1..1\nok 1 - register\ncannot clean up\n",
			err: "journey: exit code 2\n  cannot clean up", left: "pod journey",
			ends: "journey/register done\njourney failed exit code 2\n  cannot clean up",
		},
		"fails by a step although it exits 0": {
			states: life(corev1.PodSucceeded, 0), log: "TAP version 14\n1..1\nnot ok 1 - register\n",
			err: `journey: step "register" failed`, ends: "journey/register failed", left: "pod journey",
		},
		"passes when its containers have terminated": {
			states: life(corev1.PodRunning, 0), log: "all well\n", ends: "journey done",
		},
		"fails when its containers have terminated": {
			states: life(corev1.PodRunning, 3), log: "oh\n", err: "journey: exit code 3\n  oh", ends: "journey failed exit code 3\n  oh", left: "pod journey",
		},
		"fails by an init container": {
			states: []corev1.PodStatus{hookState(corev1.PodPending, isRunning, isPending), hookState(corev1.PodFailed, exited(5, "Error"), isPending)},
			log:    "cannot prepare\n",
			err:    "journey: container prepare: exit code 5\n  cannot prepare", ends: "journey failed container prepare: exit code 5\n  cannot prepare", left: "pod journey",
		},
		"fails if its pod is evicted": {
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
					t.Errorf("got class %q, want %q", fault.ClassOf(o.err), fault.Smoke)
				}
				if o.ends() != test.ends {
					t.Errorf("items (-want +got):\n%s", cmp.Diff(test.ends, o.ends()))
				}
				if there := left(t, client); there != test.left {
					t.Errorf("got left: %q, want %q", there, test.left)
				}
			})
		})
	}
}
