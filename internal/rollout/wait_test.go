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

// story runs a test in a bubble of its own clock. The bubble fails a test that
// leaves a goroutine behind.
func story(t *testing.T, replicas int32, tell func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { tell(t, newWorld(t, replicas)) })
}

// later does something after a time, beside the wait.
func later(d time.Duration, do func()) { time.AfterFunc(d, do) }

func TestWatcher_WaitReady(t *testing.T) {
	t.Run("at once and unchanged if it was ready before", func(t *testing.T) {
		story(t, 2, func(t *testing.T, w *world) {
			w.pod("web-a", running(true))
			w.pod("web-b", running(true))
			w.available(2)
			if err := w.wait(t.Context(), Watcher{}); err != nil {
				t.Fatal(err)
			}
			within(t, w, 0, 0)
			if got := w.told(event.ItemFinished); !slices.Equal(got, []string{"unchanged 2 of 2 ready"}) {
				t.Errorf("finished: %q", got)
			}
		})
	})
	t.Run("as soon as its last pod is", func(t *testing.T) {
		story(t, 2, func(t *testing.T, w *world) {
			w.pod("web-a", waitingFor("ContainerCreating", ""))
			w.says("web-a", "Pulling", `Pulling image "web:1"`)
			later(5*time.Second, func() { w.says("web-a", "Pulled", ""); w.pod("web-a", running(false)) })
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
			if got := w.told(event.ItemProgress); !subsequence(got, want) {
				t.Errorf("progress %q\n want in this order %q", got, want)
			}
			if got := w.told(event.ItemFinished); !slices.Equal(got, []string{"done 2 of 2 ready"}) {
				t.Errorf("finished: %q", got)
			}
			if last := w.events[len(w.events)-1]; last.Reason != "0 of 2 ready; web-a: pulling image web:1" {
				t.Errorf("its cause is what was said first, got %q", last.Reason)
			}
		})
	})
	t.Run("not before a container without a probe has run for a while", func(t *testing.T) {
		story(t, 1, func(t *testing.T, w *world) {
			w.withoutProbe()
			w.pod("web-a", running(true))
			w.available(1)
			if err := w.wait(t.Context(), Watcher{}); err != nil {
				t.Fatal(err)
			}
			within(t, w, 5*time.Second, 6*time.Second)
		})
	})
	t.Run("nor before a kubelet that was late with the start would have told of a crash", func(t *testing.T) {
		story(t, 1, func(t *testing.T, w *world) {
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
	t.Run("not while one that was ready has fallen back", func(t *testing.T) {
		story(t, 1, func(t *testing.T, w *world) {
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
			if got := w.told(event.Warning); len(got) != 1 || !strings.HasPrefix(got[0], "web was ready and is not any more") {
				t.Errorf("warnings: %q", got)
			}
		})
	})
	t.Run("with a Job that is deleted as soon as it is complete", func(t *testing.T) {
		story(t, 1, func(t *testing.T, w *world) {
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
	t.Run("a missing image", func(t *testing.T) {
		story(t, 2, func(t *testing.T, w *world) {
			later(2*time.Second, func() {
				w.pod("web-a", waitingFor("ErrImagePull", notFoundMessage))
				w.pod("web-b", waitingFor("ImagePullBackOff", notFoundMessage))
			})
			c := fails(t, w.wait(t.Context(), Watcher{}), fault.Unhealthy)
			within(t, w, 2*time.Second, 5*time.Second)
			if c.Reason != health.ImagePull || len(c.Pods) != 2 {
				t.Errorf("cause %s of pods %q, want one ImagePull of both", c.Reason, c.Pods)
			}
			if got := w.told(event.ItemFinished); len(got) != 1 || !strings.HasPrefix(got[0], "failed ") {
				t.Errorf("finished: %q", got)
			}
		})
	})
	t.Run("a crash loop, with the previous run's log and without its secrets", func(t *testing.T) {
		story(t, 1, func(t *testing.T, w *world) {
			w.log(t, "connect with hunter2\n\x1b[31mpanic: no database\x1b[0m\n")
			w.pod("web-a", crashedNow(0))
			later(1*time.Second, func() { w.pod("web-a", crashedNow(1)) })
			later(11*time.Second, func() { w.pod("web-a", crashedNow(2)) })
			later(31*time.Second, func() { w.pod("web-a", crashedNow(3)) })
			c := fails(t, w.wait(t.Context(), Watcher{Redact: func(s string) string { return strings.ReplaceAll(s, "hunter2", "***") }}), fault.Unhealthy)
			within(t, w, 31*time.Second, 45*time.Second)
			if c.Reason != health.CrashLoop || !c.Log.Previous {
				t.Errorf("cause %s, log %+v", c.Reason, c.Log)
			}
			if want := []string{"connect with ***", "panic: no database"}; !slices.Equal(c.LogLines, want) {
				t.Errorf("log %q, want %q", c.LogLines, want)
			}
		})
	})
	t.Run("a crash loop whose third run the kubelet starts late", func(t *testing.T) {
		story(t, 1, func(t *testing.T, w *world) {
			w.pod("web-a", crashedNow(0))
			later(1*time.Second, func() {
				w.pod("web-a", crashedNow(1))
				w.says("web-a", "BackOff", "Back-off restarting failed container web")
			})
			later(31*time.Second, func() { w.pod("web-a", crashedNow(2)) })
			c := fails(t, w.wait(t.Context(), Watcher{}), fault.Unhealthy)
			within(t, w, 41*time.Second, 45*time.Second)
			if c.Reason != health.CrashLoop {
				t.Errorf("cause %s", c.Reason)
			}
		})
	})
	t.Run("but not one crash after which it is healthy", func(t *testing.T) {
		story(t, 1, func(t *testing.T, w *world) {
			w.pod("web-a", crashedNow(0))
			later(10*time.Second, func() { s := running(true); s.RestartCount = 1; w.pod("web-a", s); w.available(1) })
			if err := w.wait(t.Context(), Watcher{}); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("but not a cause that heals within its grace", func(t *testing.T) {
		story(t, 1, func(t *testing.T, w *world) {
			w.pod("web-a", waitingFor("CreateContainerConfigError", `secret "db" not found`))
			later(8*time.Second, func() { w.pod("web-a", running(true)); w.available(1) })
			if err := w.wait(t.Context(), Watcher{}); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("but not what failed long before and may be mended", func(t *testing.T) {
		story(t, 1, func(t *testing.T, w *world) {
			w.pod("web-a", waitingFor("ImagePullBackOff", notFoundMessage))
			w.says("web-a", "Failed", "Failed to pull image")
			time.Sleep(10 * time.Minute)
			later(40*time.Second, func() { w.pod("web-a", running(true)); w.available(1) })
			if err := w.wait(t.Context(), Watcher{}); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("what failed long before and fails again", func(t *testing.T) {
		story(t, 1, func(t *testing.T, w *world) {
			w.pod("web-a", waitingFor("ImagePullBackOff", notFoundMessage))
			time.Sleep(10 * time.Minute)
			later(20*time.Second, func() { w.says("web-a", "Failed", "Failed to pull image") })
			c := fails(t, w.wait(t.Context(), Watcher{}), fault.Unhealthy)
			within(t, w, 10*time.Minute+20*time.Second, 10*time.Minute+25*time.Second)
			if c.Reason != health.ImagePull {
				t.Errorf("cause %s", c.Reason)
			}
		})
	})
	t.Run("restarts of another day do not count", func(t *testing.T) {
		story(t, 1, func(t *testing.T, w *world) {
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
	t.Run("nor do those of a young pod whose node was killed", func(t *testing.T) {
		story(t, 2, func(t *testing.T, w *world) {
			w.pod("web-a", running(true))
			w.pod("web-b", running(true))
			time.Sleep(5 * time.Second)
			w.pod("web-a", lost(1))
			time.Sleep(5 * time.Second)
			w.pod("web-b", crashedNow(3))
			later(20*time.Second, func() { w.pod("web-a", running(true)); w.pod("web-b", running(true)); w.available(2) })
			if err := w.wait(t.Context(), Watcher{}); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("nor does what follows from a node that comes back during the wait", func(t *testing.T) {
		story(t, 1, func(t *testing.T, w *world) {
			w.killedAfterAnHour("web-a", 0)
			later(1*time.Second, func() { w.pod("web-a", lost(1)) })
			w.crashes("web-a", 1, 3*time.Second, 13*time.Second)
			later(40*time.Second, func() { w.pod("web-a", running(true)); w.available(1) })
			if err := w.wait(t.Context(), Watcher{}); err != nil {
				t.Fatal(err)
			}
			within(t, w, time.Hour+40*time.Second, time.Hour+41*time.Second)
		})
	})
	t.Run("nor do crashes while the network of a node that came back is away", func(t *testing.T) {
		story(t, 1, func(t *testing.T, w *world) {
			w.killedAfterAnHour("web-a", 1)
			w.crashes("web-a", 2, 1*time.Second, 11*time.Second, 31*time.Second)
			later(55*time.Second, func() { w.pod("web-a", running(true)); w.available(1) })
			if err := w.wait(t.Context(), Watcher{}); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("but those after it do", func(t *testing.T) {
		story(t, 1, func(t *testing.T, w *world) {
			w.killedAfterAnHour("web-a", 1)
			w.crashes("web-a", 2, 1*time.Second, 11*time.Second)
			c := fails(t, w.wait(t.Context(), Watcher{}), fault.Unhealthy)
			within(t, w, time.Hour+59*time.Second, time.Hour+65*time.Second)
			if c.Reason != health.CrashLoop {
				t.Errorf("cause %s", c.Reason)
			}
		})
	})
}

// killedAfterAnHour is a healthy pod whose node was killed and is back, with so many restarts.
func (w *world) killedAfterAnHour(pod string, restarts int32) {
	w.pod(pod, running(true))
	time.Sleep(time.Hour)
	w.pod(pod, lost(restarts))
}

// crashes make the pod crash at these times from now, the first time after so many restarts.
func (w *world) crashes(pod string, restarts int32, at ...time.Duration) {
	for i, d := range at {
		later(d, func() { w.pod(pod, crashedNow(restarts+int32(i))) })
	}
}

// log makes every log of the world's pods say text.
func (w *world) log(t *testing.T, text string) {
	w.client.PrependReactor("get", "pods", func(a k8stesting.Action) (bool, runtime.Object, error) {
		if a.GetSubresource() != "log" {
			return false, nil, nil
		}
		o := a.(k8stesting.GenericAction).GetValue().(*corev1.PodLogOptions)
		if *o.TailLines != 20 {
			t.Errorf("asked for %d lines", *o.TailLines)
		}
		return true, &runtime.Unknown{Raw: []byte(text)}, nil
	})
}

func TestWatcher_WaitTimeout(t *testing.T) {
	t.Run("a probe that never passes, with its last answer", func(t *testing.T) {
		story(t, 1, func(t *testing.T, w *world) {
			w.pod("web-a", running(false))
			later(5*time.Second, func() {
				w.says("web-a", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 500")
			})
			c := fails(t, w.wait(t.Context(), Watcher{Timeout: time.Minute}), fault.Unhealthy)
			within(t, w, time.Minute, time.Minute)
			if c.Reason != health.NotReady || !strings.Contains(c.Message, "statuscode: 500") || len(c.LogLines) == 0 {
				t.Errorf("cause %s %q, log %q", c.Reason, c.Message, c.LogLines)
			}
		})
	})
	t.Run("as undecided if nothing is known to be wrong", func(t *testing.T) {
		story(t, 1, func(t *testing.T, w *world) {
			w.pod("web-a", waitingFor("ContainerCreating", ""))
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			c := fails(t, w.wait(ctx, Watcher{}), fault.Inconclusive)
			if c.Reason != health.Starting || !strings.Contains(c.Message, "web-a: creating") {
				t.Errorf("cause %s %q", c.Reason, c.Message)
			}
		})
	})
	t.Run("and a cancelled wait is no failure", func(t *testing.T) {
		story(t, 1, func(t *testing.T, w *world) {
			ctx, cancel := context.WithCancel(t.Context())
			later(3*time.Second, cancel)
			err := w.wait(ctx, Watcher{})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			within(t, w, 3*time.Second, 3*time.Second)
		})
	})
}

// subsequence reports whether want's elements occur in got in their order.
func subsequence(got, want []string) bool {
	for _, g := range got {
		if len(want) > 0 && g == want[0] {
			want = want[1:]
		}
	}
	return len(want) == 0
}
