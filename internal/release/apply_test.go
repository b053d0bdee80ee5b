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
			t.Errorf("before: %+v", o)
		}
		revision, r := mustApply(t, c, shop())
		if revision != 1 {
			t.Errorf("revision %d", revision)
		}
		// Namespace, revision, Deployment, Service, Secret and ConfigMap.
		if got := r.finished(t); got.Mutations != 6 || got.Outcome != event.Done || got.Message != "revision 1" {
			t.Errorf("finished: %+v", got)
		}
		server.TakeWrites()
		if o := mustObserve(t, c, shop()); !o.Current || o.Deployed.Revision != 1 || o.Deployed.Verified {
			t.Errorf("after: %+v", o)
		}
		revision, r = mustApply(t, c, shop())
		if got := r.finished(t); revision != 1 || got.Outcome != event.Unchanged || got.Mutations != 0 {
			t.Errorf("second: revision %d, %+v", revision, got)
		}
		if writes := server.TakeWrites(); len(writes) > 0 {
			t.Errorf("the second run wrote %v", writes)
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
			t.Errorf("%+v", o)
		}
		revision, r := mustApply(t, c, d)
		// The revision and the Deployment.
		if got := r.finished(t); revision != 2 || got.Mutations != 2 {
			t.Errorf("revision %d, %+v", revision, got)
		}
		if now := chart.Lookup(server.Get(secretPath), []string{"data", "DB_PASSWORD"}); now != password {
			t.Error("the upgrade made a new password")
		}
		d.Set = []string{"services.auth.replicas=3"}
		if o := mustObserve(t, c, d); o.Reason != "values changed: services.auth.replicas" {
			t.Errorf("%+v", o)
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
			t.Errorf("class %q of %v", fault.ClassOf(err), err)
		}
		for _, part := range []string{"Deployment auth-service", "spec.selector.matchLabels.app", "field is immutable"} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%q is not in %v", part, err)
			}
		}
		if writes := server.TakeWrites(); len(writes) > 0 {
			t.Errorf("written: %v", writes)
		}
	})

	t.Run("redacts a rejected Secret", func(t *testing.T) {
		t.Parallel()
		const password = "hunter2-and-more"
		encoded := base64.StdEncoding.EncodeToString([]byte(password))
		secret := "apiVersion: v1\nkind: Secret\nmetadata: {name: bad}\ndata: {FORBIDDEN: " + encoded + ", SHORT: YWI=}\n"
		d := shopWith(t, secret)
		server := releasetest.NewServer(t)
		// The dry run lets it pass, so that Helm meets the rejection itself.
		for name, before := range map[string]func(http.ResponseWriter, *http.Request) bool{
			"by the dry run": nil,
			"by Helm": func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Query().Get("dryRun") != "" {
					code, body := releasetest.Status(404, "NotFound", "not told")
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
				t.Errorf("%s: %v", name, err)
				continue
			}
			for _, leak := range []string{password, encoded, "YWI="} {
				if strings.Contains(err.Error()+fault.HintOf(err), leak) {
					t.Errorf("%s: %q is in %v", name, leak, err)
				}
				for _, e := range r.events {
					if strings.Contains(e.Message+e.Reason, leak) {
						t.Errorf("%s: %q is in event %+v", name, leak, e)
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
			t.Errorf("%v", err)
		}
	})

	t.Run("waits for a terminating namespace", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		var looks atomic.Int32
		server.Put(namespacePath, terminating())
		server.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == namespacePath {
				if looks.Add(1) == 3 {
					server.Remove(namespacePath)
				}
			}
			return false
		})
		if revision, _ := mustApply(t, newClient(t, server, Options{}), shop()); revision != 1 {
			t.Errorf("revision %d", revision)
		}
	})

	t.Run("names the finalizers of a stuck namespace", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		server.Put(namespacePath, terminating())
		_, err := newClient(t, server, Options{NamespaceWait: 20 * time.Millisecond}).Apply(t.Context(), shop(), event.Discard)
		const want = "namespace shop is still being deleted after 20ms: Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances; finalizers kubernetes"
		if err == nil || err.Error() != want || fault.ClassOf(err) != fault.Apply {
			t.Errorf("%v", err)
		}
	})

	t.Run("stops writing after cancellation", func(t *testing.T) {
		t.Parallel()
		server := releasetest.NewServer(t)
		ctx, cancel := context.WithCancel(t.Context())
		released := make(chan struct{})
		server.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/deployments") && r.URL.Query().Get("dryRun") == "" {
				_, _ = io.Copy(io.Discard, r.Body) // else the server does not see the connection close
				cancel()
				<-r.Context().Done() // the client gives up when the grace period is over
				close(released)
				return true
			}
			return false
		})
		c := newClient(t, server, Options{Grace: 50 * time.Millisecond})
		_, err := c.Apply(ctx, shop(), event.Discard)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		<-released
		server.TakeWrites()
		if _, err := c.Status(t.Context()); err == nil {
			t.Error("the Client goes on after its gate was shut")
		}
		if writes := server.TakeWrites(); len(writes) > 0 {
			t.Errorf("written after the end: %v", writes)
		}
		server.Intercept(nil)
		again := newClient(t, server, Options{})
		if revision, r := mustApply(t, again, shop()); revision != 2 || len(r.warnings()) != 1 {
			t.Errorf("the next run: revision %d, %v", revision, r.warnings())
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
		"a Deployment scaled to 0": {
			func(t *testing.T, s *releasetest.Server) {
				t.Helper()
				s.Set(t, deploymentPath, func(o map[string]any) { o["spec"].(map[string]any)["replicas"] = 0 })
			},
			"Deployment auth-service: spec.replicas 0, desired 2",
		},
		"a deleted Deployment": {
			func(_ *testing.T, s *releasetest.Server) { s.Remove(deploymentPath) },
			"Deployment auth-service is missing",
		},
		"another image": {
			func(t *testing.T, s *releasetest.Server) {
				t.Helper()
				s.Set(t, deploymentPath, func(o map[string]any) {
					containers := chart.Lookup(o, []string{"spec", "template", "spec", "containers"}).([]any)
					containers[0].(map[string]any)["image"] = "other:9"
				})
			},
			"Deployment auth-service: spec.template.spec.containers[0].image other:9, desired shop-auth:1",
		},
		"another password, which is not shown": {
			func(t *testing.T, s *releasetest.Server) {
				t.Helper()
				s.Set(t, secretPath, func(o map[string]any) {
					o["data"] = map[string]any{"DB_PASSWORD": base64.StdEncoding.EncodeToString([]byte("stolen"))}
				})
			},
			"Secret shop-secrets: data.DB_PASSWORD",
		},
		"a label of Helm taken away": {
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
				t.Errorf("observed %+v, want %q", o, tt.cause)
			}
			if revision, _ := mustApply(t, c, shop()); revision != 2 {
				t.Errorf("revision %d", revision)
			}
			if o := mustObserve(t, c, shop()); !o.Current {
				t.Errorf("not repaired: %+v", o)
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
				t.Errorf("observed %+v", o)
			}
			_, r := mustApply(t, c, shop())
			if w := r.warnings(); len(w) != 1 || !strings.Contains(w[0], cause) {
				t.Errorf("warnings %q", w)
			}
			if o := mustObserve(t, c, shop()); !o.Current {
				t.Errorf("not healed: %+v", o)
			}
			history, err := c.History(t.Context())
			if err != nil || slices.ContainsFunc(history, func(r Revision) bool { return r.Status == string(status) }) {
				t.Errorf("history %+v, %v", history, err)
			}
		})
	}
}

// leave puts the newest revision into the state in which a killed run leaves it.
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
