package release

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/redact"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
)

// TestClient_helm fails if a new version of Helm adds a function or an interface that
// stays nil.
func TestClient_helm(t *testing.T) {
	t.Parallel()
	config := reflect.ValueOf(newClient(t, releasetest.NewServer(t), Options{}).helm).Elem()
	for i := range config.NumField() {
		field := config.Field(i)
		if kind := field.Kind(); (kind == reflect.Func || kind == reflect.Interface) && field.IsNil() {
			t.Errorf("Helm's configuration: %s is nil", config.Type().Field(i).Name)
		}
	}
}

const podPath = "/api/v1/namespaces/shop/pods/migrate"

// hookPod is a hook with the given further annotations.
func hookPod(annotations string) string {
	return `apiVersion: v1
kind: Pod
metadata:
  name: migrate
  annotations: {helm.sh/hook: "pre-install,pre-upgrade", ` + annotations + `}
spec:
  restartPolicy: Never
  containers: [{name: main, image: "migrate:1"}]
`
}

// endPods lets every pod end in phase, with a log.
func endPods(s *releasetest.Server, phase, log string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/log") {
			_, _ = io.WriteString(w, log)
			return true
		}
		pod := s.Get(r.URL.Path)
		if r.Method == http.MethodGet && pod != nil && pod["kind"] == "Pod" {
			pod["status"] = map[string]any{"phase": phase, "containerStatuses": []any{map[string]any{
				"name": "main", "state": map[string]any{"terminated": map[string]any{"exitCode": 7}},
			}}}
		}
		return false
	}
}

func noVerdict(context.Context, RunningHook, time.Duration, func(string) string, event.Reporter) error {
	return nil
}

func TestClient_ApplyHooks(t *testing.T) {
	t.Parallel()
	t.Run("shows the log that a hook asks for, without Secrets", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		server.Intercept(endPods(server, "Succeeded", "schema is at version 7\nlog in as hunter2-and-more, then as Tr0ub4dor-elsewhere\n"))
		c := newClient(t, server, Options{WatchHook: noVerdict, Secrets: []redact.Entry{{Key: "password", Value: "Tr0ub4dor-elsewhere"}}})
		r := &recorder{}
		_, err := c.Apply(t.Context(), shopWith(t, hookPod("helm.sh/hook-output-log-policy: hook-succeeded")+
			"---\napiVersion: v1\nkind: Secret\nmetadata: {name: account}\nstringData: {PASSWORD: hunter2-and-more}\n"), r)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, e := range r.events {
			if e.Log {
				lines = append(lines, e.Item+": "+e.Message)
			}
		}
		if got, want := strings.Join(lines, "\n"), "migrate: schema is at version 7\nmigrate: log in as [redacted], then as [redacted]"; got != want {
			t.Errorf("got log lines %q, want %q", got, want)
		}
	})

	t.Run("fails with the reason of the watcher", func(t *testing.T) {
		t.Parallel()
		reason := errors.New("migrate: image migrate:1 not found")
		timeout := make(chan time.Duration, 1)
		c := newClient(t, releasetest.NewServer(t), Options{HookTimeout: 40 * time.Second, WatchHook: func(_ context.Context, hook RunningHook, limit time.Duration, _ func(string) string, _ event.Reporter) error {
			timeout <- limit
			return fault.New(fault.Unhealthy, reason, "Check the image.")
		}})
		_, err := c.Apply(t.Context(), shopWith(t, hookPod("")), event.Discard)
		if !errors.Is(err, reason) || err.Error() != "install release shop/shop: pre-install hook: migrate: image migrate:1 not found" {
			t.Errorf("got %v, want the reason", err)
		}
		if fault.ClassOf(err) != fault.Apply || fault.HintOf(err) != "Check the image." {
			t.Errorf("got class %s, hint %q, want %s and the hint of the watcher", fault.ClassOf(err), fault.HintOf(err), fault.Apply)
		}
		if got := <-timeout; got != 40*time.Second {
			t.Errorf("got timeout %v, want 40s", got)
		}
	})

	t.Run("names the exit code and the log of a failed pod that its policy deletes", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		server.Intercept(endPods(server, "Failed", "connecting\nno such table\n"))
		c := newClient(t, server, Options{WatchHook: noVerdict})
		_, err := c.Apply(t.Context(), shopWith(t, hookPod(`helm.sh/hook-delete-policy: hook-failed`)), event.Discard)
		const want = "install release shop/shop: pre-install hook: pod migrate failed: container main: exit code 7: connecting; no such table"
		if err == nil || err.Error() != want || fault.ClassOf(err) != fault.Apply {
			t.Errorf("got %v, want %s", err, want)
		}
		if server.Get(podPath) != nil {
			t.Error("got the pod, want it deleted by its policy")
		}
	})

	t.Run("redacts the log of a failed pod before it is shortened", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		server.Intercept(endPods(server, "Failed", strings.Repeat("x", 490)+" Tr0ub4dor-elsewhere\n"))
		c := newClient(t, server, Options{WatchHook: noVerdict, Secrets: []redact.Entry{{Key: "password", Value: "Tr0ub4dor-elsewhere"}}})
		_, err := c.Apply(t.Context(), shopWith(t, hookPod("")), event.Discard)
		if err == nil || strings.Contains(err.Error(), "Tr0") {
			t.Errorf("got %v, want no part of the secret", err)
		}
	})

	t.Run("does not take a pod that is ready for one that is complete", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		server.Intercept(endPods(server, "Running", ""))
		c := newClient(t, server, Options{WatchHook: noVerdict, HookTimeout: 600 * time.Millisecond})
		_, err := c.Apply(t.Context(), shopWith(t, hookPod("")), event.Discard)
		if fault.ClassOf(err) != fault.Inconclusive || !strings.Contains(err.Error(), "pod migrate is not complete") {
			t.Errorf("got %v, want an inconclusive timeout", err)
		}
	})

	t.Run("passes the objects that exist already to the watcher", func(t *testing.T) {
		t.Parallel()
		got := map[string]bool{}
		c := newClient(t, releasetest.NewServer(t), Options{WatchHook: func(_ context.Context, hook RunningHook, _ time.Duration, _ func(string) string, _ event.Reporter) error {
			got[hook.Jobs[0].GetName()] = slices.ContainsFunc(hook.Release, func(o unstructured.Unstructured) bool { return o.GetKind() == "Deployment" })
			return nil
		}})
		after := strings.NewReplacer("pre-install,pre-upgrade", "post-install", "name: migrate", "name: seed").Replace(hookJob)
		mustApply(t, c, shopWith(t, hookJob+"---\n"+after))
		if want := map[string]bool{"migrate": false, "seed": true}; !maps.Equal(got, want) {
			t.Errorf("got hooks with a Deployment %v, want %v", got, want)
		}
	})

	t.Run("stops the watcher when the run is canceled", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		c := newClient(t, releasetest.NewServer(t), Options{WatchHook: func(ctx context.Context, _ RunningHook, _ time.Duration, _ func(string) string, report event.Reporter) error {
			cancel()
			<-ctx.Done()
			report.Report(event.Warn("too late"))
			close(ended)
			return ctx.Err()
		}})
		r := &recorder{}
		if _, err := c.Apply(ctx, shopWith(t, hookPod("")), r); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		<-ended
		if w := r.warnings(); len(w) > 0 {
			t.Errorf("got warnings %q after the end, want none", w)
		}
	})

	t.Run("marks the objects of hooks as the release's own", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		server.Intercept(endPods(server, "Succeeded", ""))
		mustApply(t, newClient(t, server, Options{WatchHook: noVerdict}), shopWith(t, hookPod("")))
		annotations, _ := chart.Lookup(server.Get(podPath), []string{"metadata", "annotations"}).(map[string]any)
		if annotations["meta.helm.sh/release-name"] != "shop" || annotations["meta.helm.sh/release-namespace"] != "shop" {
			t.Errorf("got annotations %v, want the owner", annotations)
		}
	})
}

const hookJob = `apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations: {helm.sh/hook: "pre-install,pre-upgrade", helm.sh/hook-delete-policy: hook-succeeded}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: main, image: "migrate:1"}]}}}
`

const jobPath = "/apis/batch/v1/namespaces/shop/jobs/migrate"

func TestClient_ApplyLeftovers(t *testing.T) {
	t.Parallel()
	fail := func(context.Context, RunningHook, time.Duration, func(string) string, event.Reporter) error {
		return fault.New(fault.Unhealthy, errors.New("migrate: exit code 1"), "")
	}
	t.Run("removes what the hook of an unfinished run left", func(t *testing.T) {
		t.Parallel()
		for name, interrupt := range map[string]func(*testing.T, *releasetest.Server, chart.Desired){
			"failed": func(t *testing.T, s *releasetest.Server, d chart.Desired) {
				t.Helper()
				if _, err := newClient(t, s, Options{WatchHook: fail}).Apply(t.Context(), d, event.Discard); err == nil {
					t.Fatal("got no error, want a failed hook")
				}
			},
			"killed": func(t *testing.T, s *releasetest.Server, d chart.Desired) {
				t.Helper()
				ctx, cancel := context.WithCancel(t.Context())
				c := newClient(t, s, Options{WatchHook: func(ctx context.Context, _ RunningHook, _ time.Duration, _ func(string) string, _ event.Reporter) error {
					cancel()
					<-ctx.Done()
					return ctx.Err()
				}})
				if _, err := c.Apply(ctx, d, event.Discard); !errors.Is(err, context.Canceled) {
					t.Fatalf("got %v, want %v", err, context.Canceled)
				}
			},
		} {
			server := releasetest.NewServer(t)
			d := shopWith(t, hookJob)
			interrupt(t, server, d)
			if server.Get(jobPath) == nil {
				t.Fatalf("%s: got no Job, want a leftover", name)
			}
			_, r := mustApply(t, newClient(t, server, Options{WatchHook: noVerdict}), d)
			if !slices.ContainsFunc(r.events, func(e event.Event) bool { return e.Item == "Job migrate" && e.Kind == event.ItemFinished }) {
				t.Errorf("%s: got events %+v, want the removed Job", name, r.events)
			}
			if server.Get(jobPath) != nil {
				t.Errorf("%s: got the Job, want it removed by its policy", name)
			}
		}
	})

	t.Run("names the object of another owner and writes nothing", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{WatchHook: noVerdict})
		mustApply(t, c, shop())
		server.Put(jobPath, map[string]any{"apiVersion": "batch/v1", "kind": "Job", "metadata": map[string]any{"name": "migrate", "namespace": "shop"}})
		server.TakeWrites()
		_, err := c.Apply(t.Context(), shopWith(t, hookJob), event.Discard)
		if fault.ClassOf(err) != fault.Apply || !strings.Contains(err.Error(), "hook Job migrate: the object exists already") ||
			!strings.Contains(fault.HintOf(err), "kubectl delete job.batch/migrate -n shop") {
			t.Errorf("got %v, hint %q, want the object and the command", err, fault.HintOf(err))
		}
		if writes := server.TakeWrites(); len(writes) > 0 {
			t.Errorf("got writes %v, want none", writes)
		}
	})
}
