package rollout

import (
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	k8stesting "k8s.io/client-go/testing"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/health"
)

var (
	widgetsGVR = schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "widgets"}
	widget     = object("Widget.example.com", "shop", "one")
)

// operator is the API of a kind of custom resources and its controller.
type operator struct {
	t    *testing.T
	w    *world
	live *dynamicfake.FakeDynamicClient
}

func newOperator(t *testing.T, w *world) operator {
	o := operator{t, w, dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{widgetsGVR: "WidgetList"})}
	o.define()
	return o
}

// define makes the API server know the kind.
func (o operator) define() {
	o.w.client.Resources = []*metav1.APIResourceList{{GroupVersion: "example.com/v1", APIResources: []metav1.APIResource{
		{Name: "widgets", Kind: "Widget", Namespaced: true}, {Name: "widgets/status", Kind: "Widget", Namespaced: true},
	}}}
}

func (o operator) create() {
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "example.com/v1", "kind": "Widget"}}
	u.SetNamespace("shop")
	u.SetName("one")
	u.SetCreationTimestamp(metav1.Now())
	if err := o.live.Tracker().Add(u); err != nil {
		o.t.Error(err)
	}
}

func (o operator) setReady(status string) {
	found, err := o.live.Tracker().Get(widgetsGVR, "shop", "one")
	if err != nil {
		o.t.Error(err)
		return
	}
	u := found.(*unstructured.Unstructured).DeepCopy()
	u.Object["status"] = map[string]any{"conditions": []any{map[string]any{"type": "Ready", "status": status, "reason": "NoIssuer"}}}
	if err := o.live.Tracker().Update(widgetsGVR, u, "shop"); err != nil {
		o.t.Error(err)
	}
}

func TestWatcher_WaitCustom(t *testing.T) {
	t.Run("waits until a condition is true", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			o := newOperator(t, w)
			o.create()
			later(3*time.Second, func() { o.setReady("False") })
			later(90*time.Second, func() { o.setReady("True") })
			if err := w.wait(t.Context(), Watcher{Dynamic: o.live}, widget); err != nil {
				t.Fatal(err)
			}
			within(t, w, 90*time.Second, 91*time.Second)
			if got := w.reported(event.ItemProgress); !slices.Equal(got, []string{"has no status yet", "Ready is False: NoIssuer; waiting: may heal"}) {
				t.Errorf("got progress %q, want the condition", got)
			}
		})
	})
	t.Run("reports the condition at the timeout", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			o := newOperator(t, w)
			o.create()
			o.setReady("False")
			c := requireFailure(t, w.wait(t.Context(), Watcher{Dynamic: o.live, Timeout: time.Minute}, widget), fault.Unhealthy)
			within(t, w, time.Minute, time.Minute)
			if c.Summary() != "one: Ready is False: NoIssuer" {
				t.Errorf("got cause %q, want the condition", c.Summary())
			}
		})
	})
	t.Run("gives an operator of the same release time to start", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			o := newOperator(t, w)
			o.create()
			w.pod("web-a", running(false))
			later(40*time.Second, func() { w.pod("web-a", running(true)); w.available(1) })
			later(44*time.Second, func() { o.setReady("True") })
			if err := w.wait(t.Context(), Watcher{Dynamic: o.live}, web, widget); err != nil {
				t.Fatal(err)
			}
			within(t, w, 44*time.Second, 45*time.Second)
		})
	})
	t.Run("does not judge a resource that gets no condition", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			o := newOperator(t, w)
			o.create()
			if err := w.wait(t.Context(), Watcher{Dynamic: o.live}, widget); err != nil {
				t.Fatal(err)
			}
			within(t, w, 10*time.Second, 11*time.Second)
			if got := w.reported(event.ItemFinished); !slices.Equal(got, []string{"blocked not judged: has no condition Ready or Available"}) {
				t.Errorf("got finished items %q, want one not judged", got)
			}
		})
	})
	t.Run("finds a kind whose definition is late", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			o := newOperator(t, w)
			o.create()
			o.setReady("True")
			w.client.Resources = nil
			start := time.Now()
			w.client.PrependReactor("get", "group", func(k8stesting.Action) (bool, runtime.Object, error) {
				if time.Since(start) >= 3*time.Second { // in the goroutine that reads Resources
					o.define()
				}
				return false, nil, nil
			})
			if err := w.wait(t.Context(), Watcher{Dynamic: o.live}, widget); err != nil {
				t.Fatal(err)
			}
			within(t, w, 3*time.Second, 5*time.Second)
		})
	})
	t.Run("fails if the resource is gone", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			c := requireFailure(t, w.wait(t.Context(), Watcher{Dynamic: newOperator(t, w).live}, widget), fault.Unhealthy)
			if c.Reason != health.NotFound {
				t.Errorf("got cause %s, want NotFound", c.Reason)
			}
		})
	})
	t.Run("decides nothing while the API server is away", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			o := newOperator(t, w)
			o.create()
			o.setReady("True")
			var back atomic.Bool
			o.live.PrependReactor("list", "widgets", func(k8stesting.Action) (bool, runtime.Object, error) {
				return !back.Load(), nil, &url.Error{Op: "Get", URL: "https://cluster", Err: syscall.ECONNREFUSED}
			})
			later(30*time.Second, func() { back.Store(true) })
			if err := w.wait(t.Context(), Watcher{Dynamic: o.live}, widget); err != nil {
				t.Fatal(err)
			}
			within(t, w, 30*time.Second, 32*time.Second)
			if got := w.reported(event.Warning); len(got) == 0 || !strings.Contains(got[0], "API server not responding") {
				t.Errorf("got warnings %q, want the outage", got)
			}
		})
	})
}

func TestWatcher_StatusCustom(t *testing.T) {
	simulate(t, 1, func(t *testing.T, w *world) {
		o := newOperator(t, w)
		o.create()
		o.setReady("False")
		watcher := Watcher{Client: w.client, Dynamic: o.live, Redact: func(s string) string { return strings.ReplaceAll(s, "NoIssuer", "***") }}
		got, err := watcher.Status(t.Context(), []health.Object{widget})
		if err != nil || got[0].Message != "Ready is False: ***" {
			t.Errorf("got %q, %v, want the redacted condition", got[0].Message, err)
		}
	})
}

func TestWatcher_WaitReplicaSet(t *testing.T) {
	simulate(t, 1, func(t *testing.T, w *world) {
		w.pod("web-1-a", running(false))
		later(5*time.Second, func() {
			w.pod("web-1-a", running(true))
			set := w.set.DeepCopy()
			set.Status.Replicas, set.Status.AvailableReplicas = 1, 1
			if err := w.client.Tracker().Update(replicaSetsGVR, set, "shop"); err != nil {
				t.Error(err)
			}
		})
		if err := w.wait(t.Context(), Watcher{}, object(health.ReplicaSet, "shop", "web-1"), object(health.Pod, "shop", "web-1-a")); err != nil {
			t.Fatal(err)
		}
		within(t, w, 5*time.Second, 6*time.Second)
	})
}
