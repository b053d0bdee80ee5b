package release

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/release"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
)

func TestClient_Apply(t *testing.T) {
	t.Parallel()
	t.Run("installs, then writes nothing", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		if o := mustObserve(t, c, shop()); o.Current || o.Exists || o.Reason != "no release yet" {
			t.Errorf("before: got %+v, want no release", o)
		}
		revision, r := mustApply(t, c, shop())
		if revision != 1 {
			t.Errorf("got revision %d, want 1", revision)
		}
		// Namespace, revision, Deployment, Service, Secret and ConfigMap.
		if got := r.finished(t); got.Mutations != 6 || got.Outcome != event.Done || got.Message != "revision 1" {
			t.Errorf("got %+v, want revision 1 done with 6 mutations", got)
		}
		server.TakeWrites()
		if o := mustObserve(t, c, shop()); !o.Current || o.Deployed.Revision != 1 || o.Deployed.Verified {
			t.Errorf("after: got %+v, want revision 1 current and unverified", o)
		}
		revision, r = mustApply(t, c, shop())
		if got := r.finished(t); revision != 1 || got.Outcome != event.Unchanged || got.Mutations != 0 {
			t.Errorf("second run: got revision %d, %+v, want revision 1 unchanged", revision, got)
		}
		if writes := server.TakeWrites(); len(writes) > 0 {
			t.Errorf("second run: got writes %v, want none", writes)
		}
	})

	t.Run("keeps a generated Secret on upgrade", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		mustApply(t, c, shop())
		password := chart.Lookup(server.Get(secretPath), []string{"data", "DB_PASSWORD"})

		d := shop()
		d.Images = map[string]chart.ImageRef{"services.auth.image": {Repository: "shop-auth", Tag: "2"}}
		const cause = "image services.auth.image changed shop-auth:1 -> 2"
		if o := mustObserve(t, c, d); o.Current || o.Reason != cause {
			t.Errorf("got %+v, want %q", o, cause)
		}
		revision, r := mustApply(t, c, d)
		// Revision and Deployment.
		if got := r.finished(t); revision != 2 || got.Mutations != 2 {
			t.Errorf("got revision %d, %+v, want revision 2 with 2 mutations", revision, got)
		}
		if now := chart.Lookup(server.Get(secretPath), []string{"data", "DB_PASSWORD"}); now != password {
			t.Errorf("got password %v, want %v", now, password)
		}
		d.Set = []string{"services.auth.replicas=3"}
		if o := mustObserve(t, c, d); o.Reason != "values changed: services.auth.replicas" {
			t.Errorf("got %+v, want a changed value", o)
		}
	})

	t.Run("rejects an immutable field before writing", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		mustApply(t, c, shop())
		server.Set(t, deploymentPath, func(o map[string]any) {
			o["spec"].(map[string]any)["selector"] = map[string]any{"matchLabels": map[string]any{"app": "old"}}
		})
		server.TakeWrites()
		_, err := c.Apply(t.Context(), shop(), event.Discard)
		if fault.ClassOf(err) != fault.Apply {
			t.Errorf("got class %q of %v, want %q", fault.ClassOf(err), err, fault.Apply)
		}
		for _, part := range []string{"Deployment auth-service", "spec.selector.matchLabels.app", "field is immutable"} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("got %v, want it to contain %q", err, part)
			}
		}
		if writes := server.TakeWrites(); len(writes) > 0 {
			t.Errorf("got writes %v, want none", writes)
		}
	})

	t.Run("rejects a custom resource before writing", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		gadget := func(size string) chart.Desired {
			return shopWith(t, "apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: one}\nspec: {size: "+size+"}\n")
		}
		mustApply(t, c, gadget("1"))
		server.TakeWrites()
		d := gadget("9")
		d.Set = []string{"services.auth.port=4009"}
		_, err := c.Apply(t.Context(), d, event.Discard)
		if fault.ClassOf(err) != fault.Apply || !strings.Contains(err.Error(), "Gadget one: changing spec.size: ") || !strings.Contains(err.Error(), "should be less than or equal to 5") {
			t.Errorf("got %v, want the rejected field", err)
		}
		if writes := server.TakeWrites(); len(writes) > 0 {
			t.Errorf("got writes %v, want none", writes)
		}
	})

	t.Run("rejects a hook before writing", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		c := newClient(t, server, Options{})
		mustApply(t, c, shop())
		server.TakeWrites()
		hook := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: after, annotations: {helm.sh/hook: post-upgrade}}\ndta: {a: b}\n"
		_, err := c.Apply(t.Context(), shopWith(t, hook), event.Discard)
		if fault.ClassOf(err) != fault.Apply || !strings.Contains(err.Error(), "ConfigMap after") || !strings.Contains(err.Error(), `unknown field "dta"`) {
			t.Errorf("got %v, want the unknown field", err)
		}
		if writes := server.TakeWrites(); len(writes) > 0 {
			t.Errorf("got writes %v, want none", writes)
		}
	})

	t.Run("redacts a rejected Secret", func(t *testing.T) {
		t.Parallel()
		const password = "hunter2-and-more"
		encoded := base64.StdEncoding.EncodeToString([]byte(password))
		secret := "apiVersion: v1\nkind: Secret\nmetadata: {name: bad}\ndata: {FORBIDDEN: " + encoded + ", SHORT: YWI=}\n"
		d := shopWith(t, secret)
		server := releasetest.NewServer(t)
		for name, before := range map[string]func(http.ResponseWriter, *http.Request) bool{
			"by the dry run": nil,
			// The dry run passes, and Helm gets the rejection.
			"by Helm": func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Query().Get("dryRun") != "" {
					code, body := releasetest.Status(404, "NotFound", "no dry run")
					releasetest.Respond(w, code, body)
					return true
				}
				return false
			},
		} {
			server.Intercept(before)
			r := &recorder{}
			_, err := newClient(t, server, Options{}).Apply(t.Context(), d, r)
			if err == nil || fault.ClassOf(err) != fault.Apply || !strings.Contains(err.Error(), `Secret "bad" is invalid`) {
				t.Errorf("%s: got %v, want the rejected Secret", name, err)
				continue
			}
			for _, leak := range []string{password, encoded, "YWI="} {
				if strings.Contains(err.Error()+fault.HintOf(err), leak) {
					t.Errorf("%s: got %v, want no %q", name, err, leak)
				}
				for _, e := range r.events {
					if strings.Contains(e.Message+e.Reason, leak) {
						t.Errorf("%s: got event %+v, want no %q", name, e, leak)
					}
				}
			}
		}
	})

	t.Run("rejects an unknown field", func(t *testing.T) {
		t.Parallel()
		typo := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: typo}\ndta: {a: b}\n"
		_, err := newClient(t, releasetest.NewServer(t), Options{}).Apply(t.Context(), shopWith(t, typo), event.Discard)
		if err == nil || !strings.Contains(err.Error(), `ConfigMap typo`) || !strings.Contains(err.Error(), `unknown field "dta"`) {
			t.Errorf("got %v, want the unknown field", err)
		}
	})

	t.Run("waits for a terminating namespace", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		var reads atomic.Int32
		server.Put(namespacePath, terminating())
		server.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == namespacePath {
				if reads.Add(1) == 3 {
					server.Remove(namespacePath)
				}
			}
			return false
		})
		if revision, _ := mustApply(t, newClient(t, server, Options{}), shop()); revision != 1 {
			t.Errorf("got revision %d, want 1", revision)
		}
	})

	t.Run("names the finalizers of a stuck namespace", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		server.Put(namespacePath, terminating())
		_, err := newClient(t, server, Options{NamespaceWait: 20 * time.Millisecond}).Apply(t.Context(), shop(), event.Discard)
		const want = "namespace shop is still being deleted after 20ms: Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances; finalizers kubernetes"
		if err == nil || err.Error() != want || fault.ClassOf(err) != fault.Apply {
			t.Errorf("got %v, want %s", err, want)
		}
	})

	t.Run("stops writing after cancellation", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		ctx, cancel := context.WithCancel(t.Context())
		released := make(chan struct{})
		server.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/deployments") && r.URL.Query().Get("dryRun") == "" {
				_, _ = io.Copy(io.Discard, r.Body) // otherwise the server does not notice the closed connection
				cancel()
				<-r.Context().Done() // the client gives up after the grace period
				close(released)
				return true
			}
			return false
		})
		c := newClient(t, server, Options{Grace: 50 * time.Millisecond})
		_, err := c.Apply(ctx, shop(), event.Discard)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		<-released
		server.TakeWrites()
		if _, err := c.Status(t.Context()); err == nil {
			t.Error("got a status through the closed gate, want an error")
		}
		if writes := server.TakeWrites(); len(writes) > 0 {
			t.Errorf("got writes after the end %v, want none", writes)
		}
		server.Intercept(nil)
		again := newClient(t, server, Options{})
		if revision, r := mustApply(t, again, shop()); revision != 2 || len(r.warnings()) != 1 {
			t.Errorf("next run: got revision %d, warnings %q, want revision 2 and one warning", revision, r.warnings())
		}
	})
}

func terminating() map[string]any {
	return map[string]any{
		"apiVersion": "v1", "kind": "Namespace",
		"metadata": map[string]any{"name": "shop", "deletionTimestamp": "2026-01-01T00:00:00Z"},
		"spec":     map[string]any{"finalizers": []any{"kubernetes"}},
		"status": map[string]any{"phase": "Terminating", "conditions": []any{map[string]any{
			"type": "NamespaceFinalizersRemaining", "status": "True",
			"message": "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
		}}},
	}
}

func TestClient_ApplyDrift(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(t *testing.T, s *releasetest.Server)
		cause  string
	}{
		"scaled Deployment": {
			func(t *testing.T, s *releasetest.Server) {
				t.Helper()
				s.Set(t, deploymentPath, func(o map[string]any) { o["spec"].(map[string]any)["replicas"] = 0 })
			},
			"Deployment auth-service: spec.replicas 0, desired 2",
		},
		"deleted Deployment": {
			func(_ *testing.T, s *releasetest.Server) { s.Remove(deploymentPath) },
			"Deployment auth-service is missing",
		},
		"changed image": {
			func(t *testing.T, s *releasetest.Server) {
				t.Helper()
				s.Set(t, deploymentPath, func(o map[string]any) {
					containers := chart.Lookup(o, []string{"spec", "template", "spec", "containers"}).([]any)
					containers[0].(map[string]any)["image"] = "other:9"
				})
			},
			"Deployment auth-service: spec.template.spec.containers[0].image other:9, desired shop-auth:1",
		},
		"changed password, not shown": {
			func(t *testing.T, s *releasetest.Server) {
				t.Helper()
				s.Set(t, secretPath, func(o map[string]any) {
					o["data"] = map[string]any{"DB_PASSWORD": base64.StdEncoding.EncodeToString([]byte("stolen"))}
				})
			},
			"Secret shop-secrets: data.DB_PASSWORD",
		},
		"removed Helm label": {
			func(t *testing.T, s *releasetest.Server) {
				t.Helper()
				s.Set(t, deploymentPath, func(o map[string]any) { delete(o["metadata"].(map[string]any), "labels") })
			},
			"Deployment auth-service: metadata.labels.app.kubernetes.io/managed-by",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := releasetest.NewServer(t)
			c := newClient(t, server, Options{})
			mustApply(t, c, shop())
			tt.change(t, server)
			if o := mustObserve(t, c, shop()); o.Current || o.Reason != tt.cause {
				t.Errorf("got %+v, want %q", o, tt.cause)
			}
			if revision, _ := mustApply(t, c, shop()); revision != 2 {
				t.Errorf("got revision %d, want 2", revision)
			}
			if o := mustObserve(t, c, shop()); !o.Current {
				t.Errorf("after the repair: got %+v, want current", o)
			}
		})
	}
}

func TestClient_ApplyInterrupted(t *testing.T) {
	t.Parallel()
	for _, status := range []release.Status{
		release.StatusPendingInstall, release.StatusPendingUpgrade, release.StatusPendingRollback,
		release.StatusUninstalling, release.StatusUnknown,
	} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			server := releasetest.NewServer(t)
			c := newClient(t, server, Options{})
			mustApply(t, c, shop())
			leave(t, c, status)
			cause := "revision 1 is " + string(status) + ": an earlier run was interrupted"
			if o := mustObserve(t, c, shop()); o.Current || o.Reason != cause {
				t.Errorf("got %+v, want %q", o, cause)
			}
			_, r := mustApply(t, c, shop())
			if w := r.warnings(); len(w) != 1 || !strings.Contains(w[0], cause) {
				t.Errorf("got warnings %q, want one with %q", w, cause)
			}
			if o := mustObserve(t, c, shop()); !o.Current {
				t.Errorf("after the repair: got %+v, want current", o)
			}
			history, err := c.History(t.Context())
			if err != nil || slices.ContainsFunc(history, func(r Revision) bool { return r.Status == string(status) }) {
				t.Errorf("got history %+v, %v, want no revision %s", history, err, status)
			}
		})
	}
}

// leave simulates a killed run.
func leave(t *testing.T, c *Client, status release.Status) {
	t.Helper()
	history, err := c.helm.Releases.History(c.name)
	if err != nil {
		t.Fatal(err)
	}
	history[0].SetStatus(status, "killed")
	if err := c.helm.Releases.Update(history[0]); err != nil {
		t.Fatal(err)
	}
}
