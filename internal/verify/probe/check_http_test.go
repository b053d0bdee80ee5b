package probe

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestNetwork_checkHTTP(t *testing.T) {
	t.Parallel()
	t.Run("judges responses like the kubelet", func(t *testing.T) {
		t.Parallel()
		mux := http.NewServeMux()
		reply := func(path string, status int, body string) {
			mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				fmt.Fprint(w, body)
			})
		}
		reply("/ok", 200, `{"status":"ok"}`)
		reply("/broken", 500, "{\"status\":\n  \"no \x1b[31mdatabase\"}")
		reply("/empty", 503, "")
		reply("/page", 500, "<!DOCTYPE html><html><head><meta charset=utf-8><title>Shop</title></head><body><script>x()</script><h1>500</h1><p>can&#39;t read posts</p></body></html>")
		mux.HandleFunc("/hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		mux.HandleFunc("/half", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})
		mux.Handle("/moved", http.RedirectHandler("/broken", http.StatusFound))
		mux.Handle("/away", http.RedirectHandler("http://elsewhere.invalid/", http.StatusFound))
		mux.HandleFunc("/big", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat("x", maxBody)+"ready")
		})
		mux.Handle("/loop", http.RedirectHandler("/loop", http.StatusFound))
		mux.HandleFunc("/who", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s %s %s", r.Host, r.Header.Get("X-Probe"), r.URL.RawQuery)
		})
		server := httptest.NewServer(mux)
		t.Cleanup(server.Close)
		base := server.URL

		for name, test := range map[string]struct {
			path    string
			expect  Expect
			headers http.Header
			timeout time.Duration

			outcome Outcome
			reason  Reason
			message string
		}{
			"200 passes":                         {path: "/ok", outcome: Passed, message: "GET " + base + "/ok returned 200"},
			"expected content passes":            {path: "/ok", expect: Expect{Contains: "ok"}, outcome: Passed, message: "GET " + base + "/ok returned 200"},
			"500 fails and shows its body":       {path: "/broken", outcome: Failed, reason: Unexpected, message: "GET " + base + `/broken returned 500: {"status": "no [31mdatabase"}`},
			"500 with a page shows its text":     {path: "/page", outcome: Failed, reason: Unexpected, message: "GET " + base + "/page returned 500: 500 can't read posts"},
			"503 without body fails":             {path: "/empty", outcome: Failed, reason: Unexpected, message: "GET " + base + "/empty returned 503 with an empty body"},
			"expected 500 passes":                {path: "/broken", expect: Expect{Status: 500}, outcome: Passed, message: "GET " + base + "/broken returned 500"},
			"unexpected status fails":            {path: "/ok", expect: Expect{Status: 204}, outcome: Failed, reason: Unexpected, message: "GET " + base + `/ok returned 200 instead of 204: {"status":"ok"}`},
			"missing content fails":              {path: "/ok", expect: Expect{Contains: "ready"}, outcome: Failed, reason: Unexpected, message: "GET " + base + `/ok returned 200 without "ready": {"status":"ok"}`},
			"content after the first MiB fails":  {path: "/big", expect: Expect{Contains: "ready"}, outcome: Failed, reason: Unexpected, message: "GET " + base + `/big returned 200 without "ready" in its first MiB: ` + strings.Repeat("x", 200)},
			"no response fails":                  {path: "/hang", timeout: 50 * time.Millisecond, outcome: Failed, reason: NoResponse, message: "GET " + base + "/hang: no response within 50ms"},
			"incomplete body fails":              {path: "/half", timeout: 50 * time.Millisecond, outcome: Failed, reason: NoResponse, message: "GET " + base + "/half returned 200, but its body is incomplete: no response within 50ms"},
			"follows a redirect within the host": {path: "/moved", outcome: Failed, reason: Unexpected, message: "GET " + base + `/moved returned 500: {"status": "no [31mdatabase"}`},
			"redirect to another host passes":    {path: "/away", outcome: Passed, message: "GET " + base + "/away returned 302"},
			"expected redirect passes":           {path: "/moved", expect: Expect{Status: 302}, outcome: Passed, message: "GET " + base + "/moved returned 302"},
			"endless redirects fail":             {path: "/loop", outcome: Failed, reason: NoResponse, message: "GET " + base + "/loop: more than 10 redirects"},
			"sends headers, host and query":      {path: "/who?full=1", headers: http.Header{"Host": {"shop.test"}, "x-probe": {"yes"}}, expect: Expect{Contains: "shop.test yes full=1"}, outcome: Passed, message: "GET " + base + "/who?full=1 returned 200"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				check := Check{ID: "x", Kind: HTTP, Target: at(server.Listener.Addr(), test.path), Expect: test.expect, Headers: test.headers, Timeout: test.timeout}
				r := runChecks(t, net.DefaultResolver, check)["x"]
				if r.Outcome != test.outcome || r.Reason != test.reason || r.Message != test.message {
					t.Errorf("got  %s %s %q\nwant %s %s %q", r.Outcome, r.Reason, r.Message, test.outcome, test.reason, test.message)
				}
				if r.Latency <= 0 || r.Elapsed < r.Latency {
					t.Errorf("got latency %v, elapsed %v, want 0 < latency <= elapsed", r.Latency, r.Elapsed)
				}
			})
		}
	})

	t.Run("does not verify certificates", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		t.Cleanup(server.Close)
		target := at(server.Listener.Addr(), "/")
		target.Scheme = "https"
		if r := runChecks(t, net.DefaultResolver, Check{ID: "x", Kind: HTTP, Target: target})["x"]; r.Outcome != Passed {
			t.Errorf("got %s: %s, want passed", r.Outcome, r.Message)
		}
	})
}
