package release

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
)

// requestFault replaces a response. serve passes the request to the server.
type requestFault func(serve func() *http.Response) (*http.Response, error)

// With ECONNRESET, client-go would retry a GET after a second.
var errLost = &net.OpError{Op: "write", Net: "tcp", Err: syscall.EPIPE}

var requestFaults = map[string]requestFault{
	"500":                                respondWith(http.StatusInternalServerError, metav1.StatusReasonInternalError, ""),
	"429":                                respondWith(http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests, "0"),
	"409":                                respondWith(http.StatusConflict, metav1.StatusReasonConflict, ""),
	"connection lost before the request": func(func() *http.Response) (*http.Response, error) { return nil, errLost },
	"connection lost after the request":  func(serve func() *http.Response) (*http.Response, error) { serve(); return nil, errLost },
}

func respondWith(code int, reason metav1.StatusReason, retryAfter string) requestFault {
	return func(func() *http.Response) (*http.Response, error) {
		w := httptest.NewRecorder()
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		_, body := releasetest.Status(code, reason, "injected by the test")
		releasetest.Respond(w, code, body)
		return w.Result(), nil
	}
}

// faultyClient injects f into request k.
func faultyClient(t *testing.T, s *releasetest.Server, k int, f requestFault) (c *Client, hit func() bool) {
	t.Helper()
	var sent atomic.Int64
	serve := func(r *http.Request) *http.Response {
		w := httptest.NewRecorder()
		if r.Body == nil {
			r.Body = http.NoBody
		}
		s.ServeHTTP(w, r)
		return w.Result()
	}
	config := &rest.Config{Host: "http://cluster", Transport: roundTripFunc(func(r *http.Request) (*http.Response, error) {
		if sent.Add(1) == int64(k) {
			return f(func() *http.Response { return serve(r) })
		}
		return serve(r), nil
	})}
	return openClient(t, config, Options{}), func() bool { return sent.Load() >= int64(k) }
}

func cleanClient(t *testing.T, s *releasetest.Server) *Client {
	t.Helper()
	c, _ := faultyClient(t, s, 0, nil)
	return c
}

type step struct {
	run   func(context.Context, *Client) error
	check func(*testing.T, *releasetest.Server) error
}

// TestClient_RequestFaults injects each fault into each request of each operation. The
// result must be the desired one, or an error with a class. The next operation, the same
// or another one, must succeed with at most one extra revision.
func TestClient_RequestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: takes too long for -short; make test-unit runs it")
	}
	t.Parallel()
	first, second := shop(), shop()
	first.Chart = releasetest.ChangeChart(t, shopChart, "all.yaml", "name: shop-config", "name: shop-old")
	second.Chart = releasetest.ChangeChart(t, shopChart, "all.yaml", "name: shop-config", "name: shop-new")
	second.Images = map[string]chart.ImageRef{"services.auth.image": {Repository: "shop-auth", Tag: "2"}}
	var (
		install  = applied(first, "shop-old", "shop-new")
		upgrade  = applied(second, "shop-new", "shop-old")
		rollback = step{
			func(ctx context.Context, c *Client) error { _, err := c.Rollback(ctx, 1, event.Discard); return err },
			install.check,
		}
		uninstall = step{func(ctx context.Context, c *Client) error { return c.Uninstall(ctx, event.Discard) }, uninstalled}
		drift     = func(t *testing.T, s *releasetest.Server) { t.Helper(); s.Remove(deploymentPath) }
	)
	for name, test := range map[string]struct {
		before   []step
		change   func(*testing.T, *releasetest.Server)
		run      step
		next     map[string]step // in addition to the same one
		revision int             // without a fault
	}{
		"install":   {run: install, next: map[string]step{"another": upgrade, "uninstall": uninstall}, revision: 1},
		"upgrade":   {before: []step{install, verified(1)}, run: upgrade, next: map[string]step{"back": install, "uninstall": uninstall}, revision: 2},
		"repair":    {before: []step{install, verified(1)}, change: drift, run: install, next: map[string]step{"another": upgrade}, revision: 2},
		"mark":      {before: []step{install}, run: verified(1), next: map[string]step{"another": upgrade}, revision: 1},
		"rollback":  {before: []step{install, verified(1), upgrade}, run: rollback, next: map[string]step{"forward": upgrade, "up": install, "uninstall": uninstall}, revision: 3},
		"uninstall": {before: []step{install, verified(1), upgrade}, run: uninstall, next: map[string]step{"install": install, "another": upgrade}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prepared := releasetest.NewUnconnected()
			for _, w := range test.before {
				if err := w.run(t.Context(), cleanClient(t, prepared)); err != nil {
					t.Fatal(err)
				}
			}
			if test.change != nil {
				test.change(t, prepared)
			}
			m := matrix{prepared: prepared, run: test.run, next: test.next, revision: test.revision, seen: map[string]bool{}}
			for what, f := range requestFaults {
				k := 1
				for m.inject(t, fmt.Sprintf("%s of request %d", what, k), k, f) {
					k++
				}
				if k < 3 {
					t.Errorf("%s: got %d requests, want at least 2", what, k-1)
				}
			}
			t.Logf("%d outcomes", len(m.seen))
		})
	}
}

type matrix struct {
	prepared *releasetest.Server
	run      step
	next     map[string]step
	revision int
	seen     map[string]bool // checked outcomes
}

func (m *matrix) inject(t *testing.T, name string, k int, f requestFault) bool {
	t.Helper()
	server := m.prepared.Clone()
	c, hit := faultyClient(t, server, k, f)
	err := m.run.run(t.Context(), c)
	switch {
	case err != nil && !hit():
		t.Fatalf("%s: without a fault: %v", name, err)
	case err != nil && fault.ClassOf(err) == "":
		t.Errorf("%s: got error without class: %v", name, err)
	}
	outcome := fmt.Sprint(err == nil, server.State())
	if m.seen[outcome] {
		return hit()
	}
	m.seen[outcome] = true
	if err == nil {
		if broken := m.run.check(t, server.Clone()); broken != nil {
			t.Errorf("%s: got no error, but %v", name, broken)
		}
	}
	if newest := m.runNext(t, server.Clone(), name+", then again", m.run); newest > m.revision+1 {
		t.Errorf("%s, then again: got revision %d, want at most %d", name, newest, m.revision+1)
	}
	for then, next := range m.next {
		m.runNext(t, server.Clone(), name+", then "+then, next)
	}
	return hit()
}

func (m *matrix) runNext(t *testing.T, server *releasetest.Server, name string, w step) int {
	t.Helper()
	if err := w.run(t.Context(), cleanClient(t, server)); err != nil {
		t.Errorf("%s: %v", name, err)
	} else if broken := w.check(t, server); broken != nil {
		t.Errorf("%s: %v", name, broken)
	}
	return newestRevision(t, server)
}

func newestRevision(t *testing.T, s *releasetest.Server) int {
	t.Helper()
	history, err := cleanClient(t, s).History(t.Context())
	if errors.Is(err, ErrNotFound) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return history[len(history)-1].Revision
}

func applied(d chart.Desired, with, without string) step {
	return step{
		func(ctx context.Context, c *Client) error { _, err := c.Apply(ctx, d, event.Discard); return err },
		func(t *testing.T, s *releasetest.Server) error {
			t.Helper()
			const configMaps = "/api/v1/namespaces/shop/configmaps/"
			o, err := cleanClient(t, s).Observe(t.Context(), d)
			if err != nil {
				return err
			}
			if !o.Current {
				return fmt.Errorf("got %+v, want current", o)
			}
			if s.Get(configMaps+with) == nil || s.Get(configMaps+without) != nil {
				return fmt.Errorf("ConfigMap %s is missing or %s exists", with, without)
			}
			return checkRecords(t, s)
		},
	}
}

// checkRecords requires only the newest revision to be deployed, and none to be pending.
func checkRecords(t *testing.T, s *releasetest.Server) error {
	t.Helper()
	history, err := cleanClient(t, s).History(t.Context())
	if err != nil {
		return err
	}
	for i, r := range history {
		if last := i == len(history)-1; last != (r.Status == "deployed") || !last && r.Status != "superseded" && r.Status != "failed" {
			return fmt.Errorf("revision %d of %d is %s", r.Revision, len(history), r.Status)
		}
	}
	return nil
}

func verified(revision int) step {
	return step{
		func(ctx context.Context, c *Client) error { return c.MarkVerified(ctx, revision) },
		func(t *testing.T, s *releasetest.Server) error {
			t.Helper()
			history, err := cleanClient(t, s).History(t.Context())
			if err != nil {
				return err
			}
			if !history[revision-1].Verified {
				return fmt.Errorf("revision %d is not verified: %+v", revision, history)
			}
			return checkRecords(t, s)
		},
	}
}

func uninstalled(_ *testing.T, s *releasetest.Server) error {
	if left := slices.DeleteFunc(s.Paths(), func(path string) bool { return path == namespacePath }); len(left) > 0 {
		return fmt.Errorf("remaining objects: %v", left)
	}
	return nil
}

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
