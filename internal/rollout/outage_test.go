package rollout

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	k8stesting "k8s.io/client-go/testing"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/health"
)

var errAway = fmt.Errorf("dial tcp 127.0.0.1:6443: %w", syscall.ECONNREFUSED)

func (w *world) away(from, to time.Duration) {
	broken := func() error {
		if d := time.Since(w.begin); d >= from && d < to {
			return errAway
		}
		return nil
	}
	w.failing("list", broken)
	w.client.PrependWatchReactor("*", func(k8stesting.Action) (bool, watch.Interface, error) {
		err := broken()
		return err != nil, nil, err
	})
}

// silenceWatches opens watches that never send an event.
func (w *world) silenceWatches() {
	w.client.PrependWatchReactor("*", func(k8stesting.Action) (bool, watch.Interface, error) {
		return true, watch.NewFake(), nil
	})
}

func TestWatcher_WaitOutage(t *testing.T) {
	t.Run("survives 45 seconds with a warning", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.silenceWatches()
			w.away(5*time.Second, 50*time.Second)
			w.pod("web-a", running(false))
			later(20*time.Second, func() { w.pod("web-a", running(true)); w.available(1) })
			if err := w.wait(t.Context(), Watcher{}); err != nil {
				t.Fatal(err)
			}
			within(t, w, 50*time.Second, 53*time.Second)
			got := w.reported(event.Warning)
			if len(got) != 2 || !strings.HasPrefix(got[0], "API server not responding for 15s: ") || !strings.HasPrefix(got[1], "API server is responding again after ") {
				t.Errorf("got warnings %q, want begin and end of the outage", got)
			}
		})
	})
	t.Run("fails after two minutes without a verdict", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.silenceWatches()
			w.away(1*time.Second, time.Hour)
			w.pod("web-a", waitingFor("CreateContainerConfigError", `secret "db" not found`))
			err := w.wait(t.Context(), Watcher{})
			if fault.ClassOf(err) != fault.Inconclusive || !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("got class %q, error %v; want inconclusive, connection refused", fault.ClassOf(err), err)
			}
			within(t, w, 120*time.Second, 122*time.Second)
		})
	})
	t.Run("ends at the timeout", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.away(0, time.Hour)
			err := w.wait(t.Context(), Watcher{Timeout: 30 * time.Second})
			if fault.ClassOf(err) != fault.Inconclusive || !strings.Contains(err.Error(), "API server not responding for 30s") {
				t.Errorf("got class %q, error %v; want inconclusive, not responding for 30s", fault.ClassOf(err), err)
			}
		})
	})
}

func TestWatcher_WaitWatch(t *testing.T) {
	t.Run("relists when the watch is silent", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.silenceWatches()
			w.pod("web-a", running(false))
			later(11*time.Second, func() { w.pod("web-a", running(true)); w.available(1) })
			if err := w.wait(t.Context(), Watcher{}); err != nil {
				t.Fatal(err)
			}
			within(t, w, 11*time.Second, 21*time.Second)
		})
	})

	t.Run("relists when the watch has expired", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.client.PrependWatchReactor("*", func(k8stesting.Action) (bool, watch.Interface, error) {
				gone := watch.NewFakeWithChanSize(1, false)
				gone.Error(&apierrors.NewResourceExpired("too old resource version").ErrStatus)
				return true, gone, nil
			})
			w.pod("web-a", running(false))
			later(5500*time.Millisecond, func() { w.pod("web-a", running(true)); w.available(1) })
			if err := w.wait(t.Context(), Watcher{}); err != nil {
				t.Fatal(err)
			}
			within(t, w, 6*time.Second, 7*time.Second)
		})
	})
}

func TestWatcher_WaitDenied(t *testing.T) {
	forbid := func(w *world, resource string) {
		w.client.PrependReactor("list", resource, func(k8stesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", errors.New("no"))
		})
	}
	t.Run("fails at once if pods are denied", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			forbid(w, "pods")
			err := w.wait(t.Context(), Watcher{})
			if fault.ClassOf(err) != fault.Environment || !strings.Contains(err.Error(), "list pods in namespace shop") {
				t.Errorf("got class %q, error %v; want environment, list pods", fault.ClassOf(err), err)
			}
			within(t, w, 0, time.Second)
		})
	})
	t.Run("warns if nodes are denied", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			forbid(w, "nodes")
			w.pod("web-a", running(true))
			w.available(1)
			if err := w.wait(t.Context(), Watcher{}); err != nil {
				t.Fatal(err)
			}
			if got := w.reported(event.Warning); !slices.Equal(got, []string{"no access to nodes: explanations will be incomplete"}) {
				t.Errorf("got warnings %q, want one about nodes", got)
			}
		})
	})
}

// Fault row 44: any request may fail once.
func TestWatcher_WaitOneFailedRequest(t *testing.T) {
	failures := map[string]error{
		"500":   apierrors.NewInternalError(errors.New("boom")),
		"429":   apierrors.NewTooManyRequests("slow down", 1),
		"409":   apierrors.NewConflict(schema.GroupResource{Resource: "x"}, "y", errors.New("conflict")),
		"reset": syscall.ECONNRESET,
	}
	for name, failure := range failures {
		for k := range int32(16) {
			t.Run(fmt.Sprintf("%s of request %d", name, k), func(t *testing.T) {
				simulate(t, 1, func(t *testing.T, w *world) {
					w.failKth(k, failure)
					w.pod("web-a", running(false))
					later(3*time.Second, func() { w.pod("web-a", running(true)); w.available(1) })
					if err := w.wait(t.Context(), Watcher{}); err != nil {
						t.Error(err)
					}
					within(t, w, 3*time.Second, 14*time.Second)
				})
				simulate(t, 1, func(t *testing.T, w *world) {
					w.failKth(k, failure)
					w.pod("web-a", waitingFor("ErrImagePull", notFoundMessage))
					requireFailure(t, w.wait(t.Context(), Watcher{}), fault.Unhealthy)
				})
			})
		}
	}
}

func (w *world) failKth(k int32, failure error) {
	var n atomic.Int32
	broken := func() error {
		if n.Add(1)-1 == k {
			return failure
		}
		return nil
	}
	w.failing("list", broken)
	w.client.PrependWatchReactor("*", func(k8stesting.Action) (bool, watch.Interface, error) {
		err := broken()
		return err != nil, nil, err
	})
}

func TestWatcher_Status(t *testing.T) {
	t.Run("sends one list request per kind and namespace", func(t *testing.T) {
		simulate(t, 2, func(t *testing.T, w *world) {
			w.pod("web-a", running(true))
			w.pod("web-b", waitingFor("ErrImagePull", notFoundMessage))
			w.available(1)
			got, err := (&Watcher{Client: w.client}).Status(t.Context(), []health.Object{web, object(health.Deployment, "shop", "other")})
			if err != nil {
				t.Fatal(err)
			}
			if s := got[0]; s.State != health.Progressing || s.Ready != 1 || s.Desired != 2 || s.Images[0] != "web:1" || len(s.Causes) != 1 {
				t.Errorf("got status %+v of web, want 1 of 2 ready and one cause", s)
			}
			if got[1].State != health.Absent {
				t.Errorf("got status %+v of other, want absent", got[1])
			}
			count := map[string]int{}
			for _, a := range w.client.Actions() {
				count[a.GetVerb()+" "+a.GetResource().Resource]++
			}
			for what, n := range count {
				if n != 1 {
					t.Errorf("got %d requests %s, want 1", n, what)
				}
			}
		})
	})

	t.Run("fails if the API server is unavailable", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.away(0, time.Hour)
			_, err := (&Watcher{Client: w.client}).Status(t.Context(), []health.Object{web})
			if fault.ClassOf(err) != fault.Inconclusive {
				t.Errorf("got class %q, error %v; want inconclusive", fault.ClassOf(err), err)
			}
		})
	})
}
