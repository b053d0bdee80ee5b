package rollout

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	restclient "k8s.io/client-go/rest"
	k8stesting "k8s.io/client-go/testing"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/health"
)

func TestWatcher_WaitHeals(t *testing.T) {
	t.Run("waits for an old pod that holds the host port", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.ending("web-old", 60*time.Second)
			w.pending("web-a", "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.")
			later(61*time.Second, func() { w.remove("web-old") })
			later(70*time.Second, func() { w.pod("web-a", running(false)) })
			later(75*time.Second, func() { w.pod("web-a", running(true)); w.available(1) })
			if err := w.wait(t.Context(), Watcher{}); err != nil {
				t.Fatal(err)
			}
			within(t, w, 75*time.Second, 76*time.Second)
			got := w.reported(event.ItemProgress)
			if i := slices.IndexFunc(got, func(s string) bool { return strings.HasSuffix(s, "; waiting for web-old to end (0s of 1m0s)") }); i < 0 || len(got) > 12 {
				t.Errorf("got %d progress messages %q, want at most 12 that name the old pod", len(got), got)
			}
		})
	})
	t.Run("gives up on a host port that stays in use", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.pending("web-a", "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.")
			c := requireFailure(t, w.wait(t.Context(), Watcher{}), fault.Unhealthy)
			within(t, w, 20*time.Second, 25*time.Second)
			if c.Reason != health.Unschedulable || !strings.Contains(c.Hint, "host port") {
				t.Errorf("got cause %s with hint %q, want Unschedulable with a hint about the host port", c.Reason, c.Hint)
			}
		})
	})
	t.Run("waits for a database that a crashing service needs", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			db := w.database()
			w.crashes("web-a", 0, 0, 2*time.Second, 15*time.Second, 38*time.Second)
			later(61*time.Second, func() { db(true) })
			later(80*time.Second, func() { w.pod("web-a", running(true)); w.available(1) })
			if err := w.wait(t.Context(), Watcher{}, web, object(health.Deployment, "shop", "db")); err != nil {
				t.Fatal(err)
			}
			within(t, w, 80*time.Second, 81*time.Second)
		})
	})
	t.Run("gives up on a service that still crashes with its database", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			db := w.database()
			w.crashes("web-a", 0, 0, 2*time.Second, 15*time.Second, 38*time.Second, 82*time.Second)
			later(61*time.Second, func() { db(true) })
			c := requireFailure(t, w.wait(t.Context(), Watcher{}, web, object(health.Deployment, "shop", "db")), fault.Unhealthy)
			within(t, w, 82*time.Second, 85*time.Second)
			if c.Object != web || c.Reason != health.CrashLoop {
				t.Errorf("got cause %s of %s, want CrashLoop of web", c.Reason, c.Object)
			}
		})
	})
	t.Run("gives up within 30s on a probe of the wrong port", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.listens("error trying to reach service: net/http: HTTP/1.x transport connection broken: malformed HTTP response")
			w.refusedPort()
			c := requireFailure(t, w.wait(t.Context(), Watcher{}), fault.Unhealthy)
			within(t, w, 25*time.Second, 30*time.Second)
			if c.Reason != health.NotReady || !strings.Contains(c.Hint, "the probe uses 9999") {
				t.Errorf("got cause %s with hint %q, want NotReady with the wrong port", c.Reason, c.Hint)
			}
		})
	})
	t.Run("waits for a process that listens on no port yet", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.listens("error trying to reach service: dial tcp 192.0.2.1:4000: connect: connection refused")
			w.refusedPort()
			later(70*time.Second, func() { w.pod("web-a", running(true)); w.available(1) })
			if err := w.wait(t.Context(), Watcher{}); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("gives up within 5s on a missing Secret", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			later(2*time.Second, func() {
				w.pod("web-a", waitingFor("CreateContainerConfigError", `secret "db" not found`))
				w.addEvent("web-a", "Failed", `Error: secret "db" not found`)
			})
			requireFailure(t, w.wait(t.Context(), Watcher{}), fault.Unhealthy)
			within(t, w, 5*time.Second, 7*time.Second)
		})
	})
	t.Run("waits for a Secret while a workload that is not waited for may write it", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			ready := w.database()
			later(2*time.Second, func() {
				w.pod("web-a", waitingFor("CreateContainerConfigError", `secret "db" not found`))
				w.addEvent("web-a", "Failed", `Error: secret "db" not found`)
			})
			later(50*time.Second, func() { ready(true) })
			later(60*time.Second, func() { w.pod("web-a", running(true)); w.available(1); ready(false) })
			if err := w.wait(t.Context(), Watcher{Others: []health.Object{{Kind: health.Deployment, Namespace: "shop", Name: "db"}}}); err != nil {
				t.Fatal(err)
			}
			within(t, w, 60*time.Second, 61*time.Second)
		})
	})
	t.Run("waits for a Secret that was written before the wait", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.pod("web-a", waitingFor("CreateContainerConfigError", `secret "db" not found`))
			w.addEvent("web-a", "Failed", `Error: secret "db" not found`)
			time.Sleep(10 * time.Second)
			later(12*time.Second, func() { w.pod("web-a", running(true)); w.available(1) })
			if err := w.wait(t.Context(), Watcher{}); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("shows a redacted cause at once, and only the verdict waits", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.pod("web-a", running(false))
			var shown time.Duration
			later(5*time.Second, func() { w.addEvent("web-a", "Unhealthy", "Readiness probe failed: no password hunter2") })
			later(7*time.Second, func() {
				if got := w.reported(event.ItemProgress); strings.HasSuffix(got[len(got)-1], "readiness probe failed: no password ***; waiting: may heal") {
					shown = time.Since(w.begin)
				}
			})
			later(90*time.Second, func() { w.pod("web-a", running(true)); w.available(1) })
			if err := w.wait(t.Context(), Watcher{Redact: func(s string) string { return strings.ReplaceAll(s, "hunter2", "***") }}); err != nil {
				t.Fatal(err)
			}
			if shown == 0 {
				t.Errorf("got progress %q, want the cause within 2s", w.reported(event.ItemProgress))
			}
		})
	})
}

func TestFailure_Conclusive(t *testing.T) {
	t.Run("a timeout proves nothing", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.pod("web-a", running(false))
			later(time.Second, func() {
				w.addEvent("web-a", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 500")
			})
			if f := requireFailed(t, w.wait(t.Context(), Watcher{Timeout: time.Minute})); f.Conclusive() {
				t.Errorf("got a conclusive failure %v", f)
			}
		})
	})
	t.Run("a probe that a server rejects until the timeout is proof", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.pod("web-a", running(false))
			later(time.Second, func() {
				w.addEvent("web-a", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 404")
			})
			if f := requireFailed(t, w.wait(t.Context(), Watcher{Timeout: time.Minute})); !f.Conclusive() {
				t.Errorf("got an inconclusive failure %v", f)
			}
		})
	})
	t.Run("a missing image is proof", func(t *testing.T) {
		simulate(t, 1, func(t *testing.T, w *world) {
			w.pod("web-a", waitingFor("ErrImagePull", notFoundMessage))
			if f := requireFailed(t, w.wait(t.Context(), Watcher{})); !f.Conclusive() {
				t.Errorf("got an inconclusive failure %v", f)
			}
		})
	})
}

// ending adds a pod of an older revision that has a grace period to end.
func (w *world) ending(name string, grace time.Duration) {
	w.t.Helper()
	old := &appsv1.ReplicaSet{ObjectMeta: w.meta("web-0", w.deploy)}
	old.Spec.Template.Spec.Containers = []corev1.Container{{Name: "web", Image: "web:0"}}
	w.add(old)
	p := &corev1.Pod{ObjectMeta: w.meta(name, old), Spec: corev1.PodSpec{NodeName: "node-1"}, Status: corev1.PodStatus{Phase: corev1.PodRunning}}
	ends, seconds := metav1.NewTime(time.Now().Add(grace)), int64(grace.Seconds())
	p.DeletionTimestamp, p.DeletionGracePeriodSeconds = &ends, &seconds
	w.add(p)
}

// listens sets the error of the API server's proxy to pods.
func (w *world) listens(message string) {
	w.client.AddProxyReactor("pods", func(k8stesting.Action) (bool, restclient.ResponseWrapper, error) {
		return true, proxyError{apierrors.NewServiceUnavailable(message)}, nil
	})
}

type proxyError struct{ err *apierrors.StatusError }

func (e proxyError) DoRaw(context.Context) ([]byte, error) {
	sent := e.err.Status()
	sent.Kind = "Status"
	body, _ := json.Marshal(sent)
	return body, apierrors.NewGenericServerResponse(int(sent.Code), "get", corev1.Resource("pods"), "http:web-a:8080", "unknown", 0, true)
}

func (e proxyError) Stream(context.Context) (io.ReadCloser, error) { return nil, e.err }

// refusedPort adds a pod with a probe of an undeclared port that is refused every
// five seconds.
func (w *world) refusedPort() {
	w.probe.HTTPGet.Port = port(9999)
	w.pod("web-a", running(false))
	for i := range 13 {
		later(time.Duration(5+5*i)*time.Second+time.Millisecond, func() {
			w.addEvent("web-a", "Unhealthy", "Readiness probe failed: dial tcp 192.0.2.1:9999: connect: connection refused")
		})
	}
}

func (w *world) remove(pod string) {
	if err := w.client.Tracker().Delete(podsGVR, "shop", pod); err != nil {
		w.t.Error(err)
	}
}

// pending adds a pod that cannot be scheduled.
func (w *world) pending(name, message string) {
	w.t.Helper()
	p := &corev1.Pod{ObjectMeta: w.meta(name, w.set), Spec: w.deploy.Spec.Template.Spec, Status: corev1.PodStatus{Phase: corev1.PodPending}}
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: message, LastTransitionTime: metav1.Now()}}
	w.add(p)
}

// database adds a Deployment "db" whose pod is not ready. The returned function
// changes that.
func (w *world) database() func(ready bool) {
	other := newWorldOf(w)
	other.pod("db-a", running(false))
	return func(ready bool) {
		other.pod("db-a", running(ready))
		other.available(1)
	}
}

func newWorldOf(w *world) *world {
	other := &world{t: w.t, client: w.client, begin: w.begin, probe: w.probe}
	other.deploy, other.set = w.deploy.DeepCopy(), w.set.DeepCopy()
	other.deploy.ObjectMeta = w.meta("db", nil)
	other.deploy.Generation = 1
	other.set.ObjectMeta = w.meta("db-1", other.deploy)
	other.add(other.deploy)
	other.add(other.set)
	return other
}
