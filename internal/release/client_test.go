package release

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/release"
	"k8s.io/client-go/rest"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
)

const (
	deploymentPath = "/apis/apps/v1/namespaces/shop/deployments/auth-service"
	secretPath     = "/api/v1/namespaces/shop/secrets/shop-secrets"
	namespacePath  = "/api/v1/namespaces/shop"
)

// shopChart is the chart that most tests deploy.
const shopChart = "chart/testdata/chart"

func shop() chart.Desired {
	return chart.Desired{Name: "shop", Namespace: "shop", Chart: shopChart}
}

// shopWith is the shop with one more template in its chart.
func shopWith(t *testing.T, template string) chart.Desired {
	t.Helper()
	d := shop()
	d.Chart = releasetest.CopyChart(t, shopChart)
	if err := os.WriteFile(filepath.Join(d.Chart, "templates", "more.yaml"), []byte(template), 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

func newClient(t *testing.T, s *releasetest.Server, o Options) *Client {
	t.Helper()
	return openClient(t, &rest.Config{Host: s.URL}, o)
}

func openClient(t *testing.T, config *rest.Config, o Options) *Client {
	t.Helper()
	o.Grace = max(o.Grace, 50*time.Millisecond)
	o.NamespacePoll = time.Millisecond
	config.ContentType = "application/json"
	c, err := Open(Target{Config: config, Namespace: "shop", Name: "shop"}, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// recorder keeps the events of an Apply.
type recorder struct{ events []event.Event }

func (r *recorder) Report(e event.Event) { r.events = append(r.events, e) }

func (r *recorder) finished(t *testing.T) event.Event {
	t.Helper()
	last := r.events[len(r.events)-1]
	if last.Kind != event.ItemFinished {
		t.Fatalf("the last event is %+v", last)
	}
	return last
}

func (r *recorder) warnings() []string {
	var all []string
	for _, e := range r.events {
		if e.Kind == event.Warning {
			all = append(all, e.Message)
		}
	}
	return all
}

func mustApply(t *testing.T, c *Client, d chart.Desired) (int, *recorder) {
	t.Helper()
	r := &recorder{}
	revision, err := c.Apply(t.Context(), d, r)
	if err != nil {
		t.Fatal(err)
	}
	return revision, r
}

func mustObserve(t *testing.T, c *Client, d chart.Desired) Observation {
	t.Helper()
	o, err := c.Observe(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestApplyInstallsAndASecondOneWritesNothing(t *testing.T) {
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
}

func TestApplyNamesTheCauseAndKeepsTheSecret(t *testing.T) {
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
}

func TestObserveSaysWhichFilesOfTheChartChanged(t *testing.T) {
	t.Parallel()
	server := releasetest.NewServer(t)
	c := newClient(t, server, Options{})
	d := shop()
	d.Chart = releasetest.CopyChart(t, shopChart)
	mustApply(t, c, d)
	template := filepath.Join(d.Chart, "templates", "all.yaml")
	data, err := os.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(template, append(data, "\n# changed\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if o := mustObserve(t, c, d); o.Reason != "chart changed: templates/all.yaml" {
		t.Errorf("%+v", o)
	}
}

func TestDriftIsSeenAndRepaired(t *testing.T) {
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

// moreObjects are a StatefulSet with a claim and two more ConfigMaps.
const moreObjects = `---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: store}
spec:
  serviceName: store
  selector: {matchLabels: {app: store}}
  template:
    metadata: {labels: {app: store}}
    spec: {containers: [{name: app, image: "store:1"}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
data: {LEVEL: debug}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: two}
data: {LEVEL: info}
`

// A look is one request for all objects of a kind, and it tries nothing where all
// is as it was applied, whatever the API server has filled in.
func TestALookAsksForTheObjectsOfAKindAtOnce(t *testing.T) {
	t.Parallel()
	const configMaps = "/api/v1/namespaces/shop/configmaps"
	byName := []string{"GET " + configMaps + "/one", "GET " + configMaps + "/shop-config", "GET " + configMaps + "/two"}
	for name, test := range map[string]struct {
		change func(t *testing.T, s *releasetest.Server)
		refuse bool // to list
		cause  string
		asked  []string
	}{
		"nothing changed":  {nil, false, "", []string{"GET " + configMaps}},
		"who may not list": {nil, true, "", append([]string{"GET " + configMaps}, byName...)},
		"one that is not as it was": {func(t *testing.T, s *releasetest.Server) {
			t.Helper()
			s.Set(t, configMaps+"/two", func(o map[string]any) { o["data"] = map[string]any{"LEVEL": "debug"} })
		}, false, "ConfigMap two: data.LEVEL", []string{"GET " + configMaps, "PATCH " + configMaps + "/two"}},
		"one that is gone": {func(_ *testing.T, s *releasetest.Server) { s.Remove(configMaps + "/two") },
			false, "ConfigMap two is missing", []string{"GET " + configMaps, "GET " + configMaps + "/two"}},
		"one that lost the mark by which it is listed": {func(t *testing.T, s *releasetest.Server) {
			t.Helper()
			s.Set(t, configMaps+"/two", func(o map[string]any) { delete(o["metadata"].(map[string]any), "labels") })
		}, false, "ConfigMap two: metadata.labels.app.kubernetes.io/managed-by", []string{"GET " + configMaps, "GET " + configMaps + "/two", "PATCH " + configMaps + "/two"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := shopWith(t, moreObjects)
			server := releasetest.NewServer(t)
			c := newClient(t, server, Options{})
			mustApply(t, c, d)
			if test.change != nil {
				test.change(t, server)
			}
			var mu sync.Mutex
			var asked []string
			server.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
				mu.Lock()
				defer mu.Unlock()
				if strings.HasPrefix(r.URL.Path, configMaps) || r.Method == http.MethodPatch && r.URL.Path != deploymentPath {
					asked = append(asked, r.Method+" "+r.URL.Path)
				}
				if test.refuse && r.URL.Path == configMaps {
					code, body := releasetest.Status(403, "Forbidden", "you may not list")
					releasetest.Respond(w, code, body)
					return true
				}
				return false
			})
			if o := mustObserve(t, c, d); o.Reason != cmp.Or(test.cause, "matches its fingerprint") {
				t.Errorf("observed %+v, want %q", o, test.cause)
			}
			slices.Sort(asked)
			if !slices.Equal(asked, test.asked) {
				t.Errorf("asked %q, want %q", asked, test.asked)
			}
		})
	}
}

func TestAStrangerOfTheReleaseIsNoDrift(t *testing.T) {
	t.Parallel()
	server := releasetest.NewServer(t)
	c := newClient(t, server, Options{})
	mustApply(t, c, shop())
	server.Set(t, deploymentPath, func(o map[string]any) {
		o["metadata"].(map[string]any)["annotations"].(map[string]any)["team"] = "blue"
		o["status"] = map[string]any{"readyReplicas": 2}
	})
	if o := mustObserve(t, c, shop()); !o.Current {
		t.Errorf("%+v", o)
	}
}

// A controller may write between the look at an object and the dry run that
// judges it: what it wrote is then no difference.
func TestWhatAControllerWritesMeanwhileIsNoDrift(t *testing.T) {
	t.Parallel()
	server := releasetest.NewServer(t)
	c := newClient(t, server, Options{})
	mustApply(t, c, shop())
	server.Set(t, deploymentPath, func(o map[string]any) { // so that there is something to try
		o["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)["image"] = "other:9"
	})
	wrote := false
	server.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPatch && !wrote && r.URL.Path == deploymentPath {
			wrote = true
			server.Set(t, deploymentPath, func(o map[string]any) {
				metadata := o["metadata"].(map[string]any)
				metadata["resourceVersion"] = "next"
				metadata["annotations"].(map[string]any)["deployment.kubernetes.io/revision"] = "2"
			})
		}
		return false
	})
	if o := mustObserve(t, c, shop()); o.Reason != "Deployment auth-service: spec.template.spec.containers[0].image other:9, desired shop-auth:1" {
		t.Errorf("%+v", o)
	}
	if !wrote {
		t.Error("nothing was tried")
	}
}

func TestAnInterruptedRunIsHealed(t *testing.T) {
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

func TestVerifiedIsAMarkOfOneRevision(t *testing.T) {
	t.Parallel()
	server := releasetest.NewServer(t)
	c := newClient(t, server, Options{})
	d := shop()
	d.Commit = "abc123"
	mustApply(t, c, d)
	if err := c.MarkVerified(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	s, err := c.Status(t.Context())
	if err != nil || !s.Verified || s.Commit != "abc123" || s.Chart != "shop-0.1.0" || s.Status != "deployed" || len(s.Objects) != 4 {
		t.Errorf("%+v, %v", s, err)
	}
	if o := mustObserve(t, c, d); !o.Current || !o.Deployed.Verified {
		t.Errorf("%+v", o)
	}
	server.TakeWrites()
	if err := c.MarkVerified(t.Context(), 1); err != nil || len(server.TakeWrites()) > 0 {
		t.Errorf("marked again, with a write or an error: %v", err)
	}
	d.Commit, d.Set = "", []string{"services.auth.port=4009"}
	mustApply(t, c, d)
	history, err := c.History(t.Context())
	if err != nil || len(history) != 2 {
		t.Fatal(history, err)
	}
	if !history[0].Verified || history[1].Verified || history[1].Commit != "" {
		t.Errorf("%+v", history)
	}
	if err := c.MarkVerified(t.Context(), 7); !errors.Is(err, ErrNotFound) {
		t.Errorf("revision 7: %v", err)
	}
}

func TestTheHistoryIsBounded(t *testing.T) {
	t.Parallel()
	server := releasetest.NewServer(t)
	c := newClient(t, server, Options{})
	d := shop()
	d.MaxHistory = 3
	for _, port := range []string{"1", "2", "3", "4", "5"} {
		d.Set = []string{"services.auth.port=" + port}
		mustApply(t, c, d)
	}
	history, err := c.History(t.Context())
	if err != nil || len(history) != 3 || history[2].Revision != 5 || history[2].Status != "deployed" {
		t.Errorf("%+v, %v", history, err)
	}
}

func TestStatusOfNoRelease(t *testing.T) {
	t.Parallel()
	c := newClient(t, releasetest.NewServer(t), Options{})
	if _, err := c.Status(t.Context()); !errors.Is(err, ErrNotFound) {
		t.Errorf("Status: %v", err)
	}
	if _, err := c.Deployed(t.Context()); !errors.Is(err, ErrNotFound) {
		t.Errorf("Deployed: %v", err)
	}
	if _, err := c.History(t.Context()); !errors.Is(err, ErrNotFound) {
		t.Errorf("History: %v", err)
	}
}

// status is what one looks at after an install that broke off.
func TestStatusOfAnInstallThatBrokeOffHasItsObjects(t *testing.T) {
	t.Parallel()
	server := releasetest.NewServer(t)
	c := newClient(t, server, Options{})
	server.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/deployments") && r.URL.Query().Get("dryRun") == "" {
			http.Error(w, "no", http.StatusForbidden)
			return true
		}
		return false
	})
	if _, err := c.Apply(t.Context(), shop(), event.Discard); err == nil {
		t.Fatal("the install did not break off")
	}
	got, err := c.Status(t.Context())
	if err != nil || len(got.Objects) != 4 || got.Status == "deployed" {
		t.Errorf("%d objects, status %q, %v", len(got.Objects), got.Status, err)
	}
}

func TestObjectsHaveTheirNamespace(t *testing.T) {
	t.Parallel()
	c := newClient(t, releasetest.NewServer(t), Options{})
	mustApply(t, c, shop())
	deployed, err := c.Deployed(t.Context())
	if err != nil || len(deployed.Objects) != 4 {
		t.Fatal(deployed, err)
	}
	for _, o := range deployed.Objects {
		if o.GetNamespace() != "shop" {
			t.Errorf("%s is in %q", chart.ObjectName(o), o.GetNamespace())
		}
	}
	seen, err := c.Observe(t.Context(), shop())
	if err != nil || seen.Deployed == nil || !reflect.DeepEqual(seen.Deployed.Objects, deployed.Objects) {
		t.Errorf("the observation has %+v, %v", seen.Deployed, err)
	}
}

func TestAnImmutableFieldIsRefusedBeforeAnyWrite(t *testing.T) {
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
}

func TestARejectedSecretIsNotShown(t *testing.T) {
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
}

func TestAnUnknownFieldOfAnObjectIsRefused(t *testing.T) {
	t.Parallel()
	typo := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: typo}\ndta: {a: b}\n"
	_, err := newClient(t, releasetest.NewServer(t), Options{}).Apply(t.Context(), shopWith(t, typo), event.Discard)
	if err == nil || !strings.Contains(err.Error(), `ConfigMap typo`) || !strings.Contains(err.Error(), `unknown field "dta"`) {
		t.Errorf("%v", err)
	}
}

func TestANamespaceThatGoesIsWaitedFor(t *testing.T) {
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
}

// Right after `kubectl delete namespace` all objects are still there.
func TestANamespaceThatGoesIsDrift(t *testing.T) {
	t.Parallel()
	server := releasetest.NewServer(t)
	c := newClient(t, server, Options{})
	mustApply(t, c, shop())
	server.Put(namespacePath, terminating())
	got, err := c.Observe(t.Context(), shop())
	if err != nil || got.Current || got.Reason != "namespace shop is being deleted" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestANamespaceThatStaysNamesItsFinalizers(t *testing.T) {
	t.Parallel()
	server := releasetest.NewServer(t)
	server.Put(namespacePath, terminating())
	_, err := newClient(t, server, Options{NamespaceWait: 20 * time.Millisecond}).Apply(t.Context(), shop(), event.Discard)
	const want = "namespace shop is still being deleted after 20ms: Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances; finalizers kubernetes"
	if err == nil || err.Error() != want || fault.ClassOf(err) != fault.Apply {
		t.Errorf("%v", err)
	}
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

func TestACancelledApplyStopsWriting(t *testing.T) {
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
}

func TestUninstallIsRepeatable(t *testing.T) {
	t.Parallel()
	server := releasetest.NewServer(t)
	c := newClient(t, server, Options{})
	mustApply(t, c, shop())
	r := &recorder{}
	if err := c.Uninstall(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	// Four objects and one record.
	if got := r.finished(t); got.Mutations != 5 {
		t.Errorf("%+v", got)
	}
	if server.Get(deploymentPath) != nil {
		t.Error("the Deployment is still there")
	}
	if err := c.Uninstall(t.Context(), r); err != nil || r.finished(t).Outcome != event.Unchanged {
		t.Errorf("again: %v, %+v", err, r.finished(t))
	}
}

func TestUninstallSaysWhatHelmOnlyLogs(t *testing.T) {
	t.Parallel()
	server := releasetest.NewServer(t)
	c := newClient(t, server, Options{})
	mustApply(t, c, shop())
	server.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodDelete && r.URL.Path == deploymentPath {
			code, body := releasetest.Status(403, "Forbidden", `deployments.apps "auth-service" is forbidden: not yours`)
			releasetest.Respond(w, code, body)
			return true
		}
		return false
	})
	err := c.Uninstall(t.Context(), event.Discard)
	if fault.ClassOf(err) != fault.Down || !strings.Contains(err.Error(), `deployments.apps "auth-service" is forbidden: not yours`) {
		t.Errorf("%v", err)
	}
}

func TestADamagedRecordIsNamed(t *testing.T) {
	t.Parallel()
	server := releasetest.NewServer(t)
	c := newClient(t, server, Options{})
	mustApply(t, c, shop())
	server.Set(t, "/api/v1/namespaces/shop/secrets/sh.helm.release.v1.shop.v1", func(o map[string]any) {
		o["data"] = map[string]any{"release": "eHh4"}
	})
	_, err := c.Observe(t.Context(), shop())
	if err == nil || !strings.Contains(err.Error(), "cannot be decoded") {
		t.Errorf("%v", err)
	}
}
