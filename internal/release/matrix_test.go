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

// A requestFault is what becomes of a request. serve lets the server do it.
type requestFault func(serve func() *http.Response) (*http.Response, error)

// errLost is a lost connection that client-go does not hide: of ECONNRESET it
// tries a GET again, after a second.
var errLost = &net.OpError{Op: "write", Net: "tcp", Err: syscall.EPIPE}

var requestFaults = map[string]requestFault{
	"500":                               answered(http.StatusInternalServerError, metav1.StatusReasonInternalError, ""),
	"429":                               answered(http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests, "0"),
	"409":                               answered(http.StatusConflict, metav1.StatusReasonConflict, ""),
	"connection lost before it is done": func(func() *http.Response) (*http.Response, error) { return nil, errLost },
	"connection lost after it is done":  func(serve func() *http.Response) (*http.Response, error) { serve(); return nil, errLost },
}

func answered(code int, reason metav1.StatusReason, retryAfter string) requestFault {
	return func(func() *http.Response) (*http.Response, error) {
		w := httptest.NewRecorder()
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		_, body := releasetest.Status(code, reason, "made by the test")
		releasetest.Respond(w, code, body)
		return w.Result(), nil
	}
}

// clientWith reaches the server without a network, and hits the k-th request
// with a fault. hit tells whether there was one.
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

// A wish is what a run is for.
type wish struct {
	run   func(context.Context, *Client) error
	whole func(*testing.T, *releasetest.Server) error // what is not as the run says it is
}

// The matrix: whatever becomes of the k-th request, a run that says it worked
// has worked, one that failed says so with a class, and the next run reaches
// what is wanted, be that the same or something else, with at most one revision
// more than without the fault.
func TestClient_RequestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: -short leaves out what takes long; make test-unit runs it")
	}
	t.Parallel()
	first, second := shop(), shop()
	first.Chart = releasetest.ChangeChart(t, shopChart, "all.yaml", "name: shop-config", "name: shop-old")
	second.Chart = releasetest.ChangeChart(t, shopChart, "all.yaml", "name: shop-config", "name: shop-new")
	second.Images = map[string]chart.ImageRef{"services.auth.image": {Repository: "shop-auth", Tag: "2"}}
	var (
		install  = applied(first, "shop-old", "shop-new")
		upgrade  = applied(second, "shop-new", "shop-old")
		rollback = wish{
			func(ctx context.Context, c *Client) error { _, err := c.Rollback(ctx, 1, event.Discard); return err },
			install.whole,
		}
		uninstall = wish{func(ctx context.Context, c *Client) error { return c.Uninstall(ctx, event.Discard) }, uninstalled}
		drift     = func(t *testing.T, s *releasetest.Server) { t.Helper(); s.Remove(deploymentPath) }
	)
	for name, test := range map[string]struct {
		before   []wish
		change   func(*testing.T, *releasetest.Server)
		run      wish
		next     map[string]wish // besides the same again
		revision int             // the newest if nothing fails
	}{
		"install":         {run: install, next: map[string]wish{"another": upgrade, "uninstall": uninstall}, revision: 1},
		"upgrade":         {before: []wish{install, verified(1)}, run: upgrade, next: map[string]wish{"back": install, "uninstall": uninstall}, revision: 2},
		"repair of drift": {before: []wish{install, verified(1)}, change: drift, run: install, next: map[string]wish{"another": upgrade}, revision: 2},
		"mark":            {before: []wish{install}, run: verified(1), next: map[string]wish{"another": upgrade}, revision: 1},
		"rollback":        {before: []wish{install, verified(1), upgrade}, run: rollback, next: map[string]wish{"forward": upgrade, "up": install, "uninstall": uninstall}, revision: 3},
		"uninstall":       {before: []wish{install, verified(1), upgrade}, run: uninstall, next: map[string]wish{"install": install, "another": upgrade}},
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
				for m.hits(t, fmt.Sprintf("%s of request %d", what, k), k, f) {
					k++
				}
				if k < 3 {
					t.Errorf("%s: there were %d requests", what, k-1)
				}
			}
			t.Logf("%d outcomes", len(m.seen))
		})
	}
}

// A matrix is one row of the test: what is run on what, and what may come next.
type matrix struct {
	prepared *releasetest.Server
	run      wish
	next     map[string]wish
	revision int
	seen     map[string]bool // outcomes whose consequences were looked at
}

// hits is false if there was no k-th request.
func (m *matrix) hits(t *testing.T, name string, k int, f requestFault) bool {
	t.Helper()
	server := m.prepared.Clone()
	c, hit := faultyClient(t, server, k, f)
	err := m.run.run(t.Context(), c)
	switch {
	case err != nil && !hit():
		t.Fatalf("%s: without a fault: %v", name, err)
	case err != nil && fault.ClassOf(err) == "":
		t.Errorf("%s: no class: %v", name, err)
	}
	outcome := fmt.Sprint(err == nil, server.State())
	if m.seen[outcome] {
		return hit()
	}
	m.seen[outcome] = true
	if err == nil {
		if lie := m.run.whole(t, server.Clone()); lie != nil {
			t.Errorf("%s: a false success: %v", name, lie)
		}
	}
	if newest := m.then(t, server.Clone(), name+", then again", m.run); newest > m.revision+1 {
		t.Errorf("%s, then again: revision %d, wanted %d or one more", name, newest, m.revision)
	}
	for then, next := range m.next {
		m.then(t, server.Clone(), name+", then "+then, next)
	}
	return hit()
}

// then gives the revision that is the newest afterwards.
func (m *matrix) then(t *testing.T, server *releasetest.Server, name string, w wish) int {
	t.Helper()
	if err := w.run(t.Context(), cleanClient(t, server)); err != nil {
		t.Errorf("%s: %v", name, err)
	} else if lie := w.whole(t, server); lie != nil {
		t.Errorf("%s: %v", name, lie)
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

// applied wants d, with one ConfigMap and without another.
func applied(d chart.Desired, with, without string) wish {
	return wish{
		func(ctx context.Context, c *Client) error { _, err := c.Apply(ctx, d, event.Discard); return err },
		func(t *testing.T, s *releasetest.Server) error {
			t.Helper()
			const configMaps = "/api/v1/namespaces/shop/configmaps/"
			o, err := cleanClient(t, s).Observe(t.Context(), d)
			if err != nil {
				return err
			}
			if !o.Current {
				return fmt.Errorf("observed %+v", o)
			}
			if s.Get(configMaps+with) == nil || s.Get(configMaps+without) != nil {
				return fmt.Errorf("ConfigMap %s is not there, or %s is", with, without)
			}
			return records(t, s)
		},
	}
}

// records wants the newest revision deployed, and no other deployed or pending.
func records(t *testing.T, s *releasetest.Server) error {
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

func verified(revision int) wish {
	return wish{
		func(ctx context.Context, c *Client) error { return c.MarkVerified(ctx, revision) },
		func(t *testing.T, s *releasetest.Server) error {
			t.Helper()
			history, err := cleanClient(t, s).History(t.Context())
			if err != nil {
				return err
			}
			if !history[revision-1].Verified {
				return fmt.Errorf("%+v", history)
			}
			return records(t, s)
		},
	}
}

func uninstalled(_ *testing.T, s *releasetest.Server) error {
	if left := slices.DeleteFunc(s.Paths(), func(path string) bool { return path == namespacePath }); len(left) > 0 {
		return fmt.Errorf("left: %v", left)
	}
	return nil
}

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
