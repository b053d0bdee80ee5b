package rollout

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	k8stesting "k8s.io/client-go/testing"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/health"
)

// simulate runs test on a simulated clock. It fails if the test leaks a goroutine.
func simulate(t *testing.T, replicas int32, test func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newWorld(t, replicas)) })
}

func later(d time.Duration, do func()) { time.AfterFunc(d, do) }

func TestWatcher_WaitReady(t *testing.T) {
	t.Run("returns at once if everything is ready", func(t *testing.T) {
		simulate(t, 2, func(t *testing.T, w *world) {
			w.pod("web-a", running(true))
			w.pod("web-b", running(true))
			w.available(2)
			if err := w.wait(t.Context(), Watcher{}); err != nil {
				t.Fatal(err)
			}
			within(t, w, 0, 0)
			if got := w.reported(event.ItemFinished); !slices.Equal(got, []string{"unchanged 2 of 2 ready"}) {
				t.Errorf("got finished items %q, want unchanged", got)
			}
		})
	})
	t.Run("returns as soon as the last pod is ready", func(t *testing.T) {
		simulate(t, 2, func(t *testing.T, w *world) {
			w.pod("web-a", waitingFor("ContainerCreating", ""))
			w.addEvent("web-a", "Pulling", `Pulling image "web:1"`)
			later(5*time.Second, func() { w.addEvent("web-a", "Pulled", ""); w.pod("web-a", running(false)) })
			later(8*time.Second, func() { w.pod("web-a", running(true)); w.available(1) })
			later(9*time.Second, func() { w.pod("web-b", running(true)); w.available(2) })
			if err := w.wait(t.Context(), Watcher{}); err != nil {
				t.Fatal(err)
			}
			within(t, w, 9*time.Second, 9*time.Second)
			want := []string{
				"0 of 2 ready; web-a: pulling image web:1",
				"0 of 2 ready; web-a: running, not ready yet", "1 of 2 ready",
			}
			if got := w.reported(event.ItemProgress); !subsequence(got, want) {
				t.Errorf("got progress %q, want in this order %q", got, want)
			}
			if got := w.reported(event.ItemFinished); !slices.Equal(got, []string{"done 2 of 2 ready"}) {
				t.Errorf("got finished items %q, want done", got)
			}
			if last := w.events[len(w.events)-1]; last.Reason != "0 of 2 ready; web-a: pulling image web:1" {
				t.Errorf("got reason %q, want the first progress message", last.Reason)
			}
		})
	})
	t.Run("waits for the minimum uptime without a probe", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.withoutProbe()
			w.pod("web-a", running(true))
			w.available(1)
			if err := w.wait(t.Context(), Watcher{}); err != nil {
				t.Fatal(err)
			}
			within(t, w, 5*time.Second, 6*time.Second)
		})
	})
	t.Run("waits longer if the kubelet lags", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.withoutProbe()
			started := running(true)
			time.Sleep(4 * time.Second)
			w.pod("web-a", started)
			w.available(1)
			if err := w.wait(t.Context(), Watcher{}); err != nil {
				t.Fatal(err)
			}
			within(t, w, 12*time.Second, 13*time.Second)
		})
	})
	t.Run("waits for a workload that regresses", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.pod("web-a", running(true))
			w.available(1)
			job := completeJob(w, false)
			later(2*time.Second, func() { w.pod("web-a", running(false)); w.available(0) })
			later(4*time.Second, func() { w.update(completeJob(w, true)) })
			later(9*time.Second, func() { w.pod("web-a", running(true)); w.available(1) })
			w.add(job)
			if err := w.wait(t.Context(), Watcher{}, web, object(health.Job, "shop", "migrate")); err != nil {
				t.Fatal(err)
			}
			within(t, w, 9*time.Second, 9*time.Second)
			if got := w.reported(event.Warning); len(got) != 1 || !strings.HasPrefix(got[0], "web is no longer ready") {
				t.Errorf("got warnings %q, want that web is no longer ready", got)
			}
		})
	})
	t.Run("accepts a completed Job that is deleted", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.pod("web-a", running(false))
			w.add(completeJob(w, false))
			later(2*time.Second, func() { w.update(completeJob(w, true)) })
			later(3*time.Second, func() { w.delete("migrate") })
			later(30*time.Second, func() { w.pod("web-a", running(true)); w.available(1) })
			if err := w.wait(t.Context(), Watcher{}, web, object(health.Job, "shop", "migrate")); err != nil {
				t.Fatal(err)
			}
			within(t, w, 30*time.Second, 30*time.Second)
		})
	})
}

func completeJob(w *world, complete bool) *batchv1.Job {
	j := &batchv1.Job{ObjectMeta: w.meta("migrate", nil)}
	if complete {
		j.Status.Succeeded = 1
		j.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue}}
	}
	return j
}

func (w *world) update(j *batchv1.Job) {
	if err := w.client.Tracker().Update(jobsGVR, j, "shop"); err != nil {
		w.t.Error(err)
	}
}

func (w *world) delete(job string) {
	if err := w.client.Tracker().Delete(jobsGVR, "shop", job); err != nil {
		w.t.Error(err)
	}
}

const notFoundMessage = `Back-off pulling image "web:1": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/library/web:1": not found`

func TestWatcher_WaitFailFast(t *testing.T) {
	t.Run("on a missing image", func(t *testing.T) {
		simulate(t, 2, func(t *testing.T, w *world) {
			later(2*time.Second, func() {
				w.pod("web-a", waitingFor("ErrImagePull", notFoundMessage))
				w.pod("web-b", waitingFor("ImagePullBackOff", notFoundMessage))
			})
			c := requireFailure(t, w.wait(t.Context(), Watcher{}), fault.Unhealthy)
			within(t, w, 2*time.Second, 5*time.Second)
			if c.Reason != health.ImagePull || len(c.Pods) != 2 {
				t.Errorf("got cause %s of pods %q, want one ImagePull of both", c.Reason, c.Pods)
			}
			if got := w.reported(event.ItemFinished); len(got) != 1 || !strings.HasPrefix(got[0], "failed ") {
				t.Errorf("got finished items %q, want one failed", got)
			}
		})
	})
	t.Run("passing on the kubectl command", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			const kubectl = "kubectl --kubeconfig /tmp/config"
			w.pod("web-a", waitingFor("ErrImagePull", notFoundMessage))
			err := w.wait(t.Context(), Watcher{Kubectl: kubectl})
			requireFailure(t, err, fault.Unhealthy)
			var all, web *Failure
			if !errors.As(err, &all) || !errors.As(w.events[len(w.events)-1].Err, &web) || all.Kubectl != kubectl || web.Kubectl != kubectl {
				t.Errorf("got kubectl commands of %+v and %+v, want %s", all, web, kubectl)
			}
		})
	})
	t.Run("on a crash loop with the redacted previous log", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.log(t, "connect with hunter2\n\x1b[31mpanic: no database\x1b[0m\n")
			w.pod("web-a", crashedNow(0))
			later(1*time.Second, func() { w.pod("web-a", crashedNow(1)) })
			later(11*time.Second, func() { w.pod("web-a", crashedNow(2)) })
			later(31*time.Second, func() { w.pod("web-a", crashedNow(3)) })
			c := requireFailure(t, w.wait(t.Context(), Watcher{Redact: func(s string) string { return strings.ReplaceAll(s, "hunter2", "***") }}), fault.Unhealthy)
			within(t, w, 31*time.Second, 45*time.Second)
			if c.Reason != health.CrashLoop || !c.Log.Previous {
				t.Errorf("got cause %s with log %+v, want CrashLoop with the previous log", c.Reason, c.Log)
			}
			if want := []string{"connect with ***", "panic: no database"}; !slices.Equal(c.LogLines, want) {
				t.Errorf("got log %q, want %q", c.LogLines, want)
			}
		})
	})
	t.Run("on a crash loop with a late third run", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.pod("web-a", crashedNow(0))
			later(1*time.Second, func() {
				w.pod("web-a", crashedNow(1))
				w.addEvent("web-a", "BackOff", "Back-off restarting failed container web")
			})
			later(31*time.Second, func() { w.pod("web-a", crashedNow(2)) })
			c := requireFailure(t, w.wait(t.Context(), Watcher{}), fault.Unhealthy)
			within(t, w, 41*time.Second, 45*time.Second)
			if c.Reason != health.CrashLoop {
				t.Errorf("got cause %s, want CrashLoop", c.Reason)
			}
		})
	})
	t.Run("not on a single crash", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.pod("web-a", crashedNow(0))
			later(10*time.Second, func() { s := running(true); s.RestartCount = 1; w.pod("web-a", s); w.available(1) })
			if err := w.wait(t.Context(), Watcher{}); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("not on a cause that heals in time", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.pod("web-a", waitingFor("CreateContainerConfigError", `secret "db" not found`))
			later(8*time.Second, func() { w.pod("web-a", running(true)); w.available(1) })
			if err := w.wait(t.Context(), Watcher{}); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("not on an old failure that may be fixed", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.pod("web-a", waitingFor("ImagePullBackOff", notFoundMessage))
			w.addEvent("web-a", "Failed", "Failed to pull image")
			time.Sleep(10 * time.Minute)
			later(40*time.Second, func() { w.pod("web-a", running(true)); w.available(1) })
			if err := w.wait(t.Context(), Watcher{}); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("on an old failure that repeats", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.pod("web-a", waitingFor("ImagePullBackOff", notFoundMessage))
			time.Sleep(10 * time.Minute)
			later(20*time.Second, func() { w.addEvent("web-a", "Failed", "Failed to pull image") })
			c := requireFailure(t, w.wait(t.Context(), Watcher{}), fault.Unhealthy)
			within(t, w, 10*time.Minute+20*time.Second, 10*time.Minute+25*time.Second)
			if c.Reason != health.ImagePull {
				t.Errorf("got cause %s, want ImagePull", c.Reason)
			}
		})
	})
	t.Run("ignoring restarts from before the wait", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.pod("web-a", running(false))
			time.Sleep(time.Hour)
			s := crashedNow(7)
			w.pod("web-a", s)
			later(20*time.Second, func() { w.pod("web-a", crashedNow(8)) })
			later(50*time.Second, func() { w.pod("web-a", running(true)); w.available(1) })
			if err := w.wait(t.Context(), Watcher{}); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("ignoring restarts of a crashed node", func(t *testing.T) {
		simulate(t, 2, func(t *testing.T, w *world) {
			w.pod("web-a", running(true))
			w.pod("web-b", running(true))
			time.Sleep(5 * time.Second)
			w.pod("web-a", lostWithNode(1))
			time.Sleep(5 * time.Second)
			w.pod("web-b", crashedNow(3))
			later(20*time.Second, func() { w.pod("web-a", running(true)); w.pod("web-b", running(true)); w.available(2) })
			if err := w.wait(t.Context(), Watcher{}); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("ignoring crashes after a node returns during the wait", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.nodeCrashAfterAnHour("web-a", 0)
			later(1*time.Second, func() { w.pod("web-a", lostWithNode(1)) })
			w.crashes("web-a", 1, 3*time.Second, 13*time.Second)
			later(40*time.Second, func() { w.pod("web-a", running(true)); w.available(1) })
			if err := w.wait(t.Context(), Watcher{}); err != nil {
				t.Fatal(err)
			}
			within(t, w, time.Hour+40*time.Second, time.Hour+41*time.Second)
		})
	})
	t.Run("ignoring crashes until a recovered node has a network", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.nodeCrashAfterAnHour("web-a", 1)
			w.crashes("web-a", 2, 1*time.Second, 11*time.Second, 31*time.Second)
			later(55*time.Second, func() { w.pod("web-a", running(true)); w.available(1) })
			if err := w.wait(t.Context(), Watcher{}); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("on crashes after the recovery grace", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.nodeCrashAfterAnHour("web-a", 1)
			w.crashes("web-a", 2, 1*time.Second, 11*time.Second)
			c := requireFailure(t, w.wait(t.Context(), Watcher{}), fault.Unhealthy)
			within(t, w, time.Hour+59*time.Second, time.Hour+65*time.Second)
			if c.Reason != health.CrashLoop {
				t.Errorf("got cause %s, want CrashLoop", c.Reason)
			}
		})
	})
}

func (w *world) nodeCrashAfterAnHour(pod string, restarts int32) {
	w.pod(pod, running(true))
	time.Sleep(time.Hour)
	w.pod(pod, lostWithNode(restarts))
}

// crashes makes the pod crash at the given times from now.
func (w *world) crashes(pod string, restarts int32, at ...time.Duration) {
	for i, d := range at {
		later(d, func() { w.pod(pod, crashedNow(restarts+int32(i))) })
	}
}

func (w *world) log(t *testing.T, text string) {
	w.client.PrependReactor("get", "pods", func(a k8stesting.Action) (bool, runtime.Object, error) {
		if a.GetSubresource() != "log" {
			return false, nil, nil
		}
		o := a.(k8stesting.GenericAction).GetValue().(*corev1.PodLogOptions)
		if *o.TailLines != 20 {
			t.Errorf("got request for %d lines, want 20", *o.TailLines)
		}
		return true, &runtime.Unknown{Raw: []byte(text)}, nil
	})
}

func TestWatcher_WaitTimeout(t *testing.T) {
	t.Run("reports the probe's last failure", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.pod("web-a", running(false))
			later(5*time.Second, func() {
				w.addEvent("web-a", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 500")
			})
			c := requireFailure(t, w.wait(t.Context(), Watcher{Timeout: time.Minute}), fault.Unhealthy)
			within(t, w, time.Minute, time.Minute)
			if c.Reason != health.NotReady || !strings.Contains(c.Message, "statuscode: 500") || len(c.LogLines) == 0 {
				t.Errorf("got cause %s %q with log %q, want NotReady with the probe's failure and a log", c.Reason, c.Message, c.LogLines)
			}
		})
	})
	t.Run("is inconclusive without a known problem", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.pod("web-a", waitingFor("ContainerCreating", ""))
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			c := requireFailure(t, w.wait(ctx, Watcher{}), fault.Inconclusive)
			if c.Reason != health.Starting || !strings.Contains(c.Message, "web-a: creating") {
				t.Errorf("got cause %s %q, want Starting", c.Reason, c.Message)
			}
		})
	})
	t.Run("returns no Failure if canceled", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			ctx, cancel := context.WithCancel(t.Context())
			later(3*time.Second, cancel)
			err := w.wait(ctx, Watcher{})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got error %v, want context.Canceled", err)
			}
			within(t, w, 3*time.Second, 3*time.Second)
		})
	})
}

func subsequence(got, want []string) bool {
	for _, g := range got {
		if len(want) > 0 && g == want[0] {
			want = want[1:]
		}
	}
	return len(want) == 0
}
