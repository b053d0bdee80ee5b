package gateway_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tkdeploy.dev/tiktok/journey/internal/gateway"
)

// serve responds with the statuses in order and repeats the last one.
func serve(t *testing.T, retryAfter string, statuses ...int) (client *gateway.Client, count *int) {
	t.Helper()
	count = new(int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", retryAfter)
		w.WriteHeader(statuses[min(*count, len(statuses)-1)])
		*count++
	}))
	t.Cleanup(server.Close)
	return &gateway.Client{URL: server.URL, Timeout: time.Minute, RetryInterval: time.Millisecond}, count
}

func TestClient_Do(t *testing.T) {
	t.Parallel()
	t.Run("retries only safe requests", func(t *testing.T) {
		t.Parallel()
		tests := map[string]struct {
			method   string
			statuses []int
			tries    int
			answered bool
		}{
			"GET during a short outage":  {"GET", []int{503, 502, 200}, 3, true},
			"GET during an outage":       {"GET", []int{503}, 3, false},
			"DELETE":                     {"DELETE", []int{504, 200}, 2, true},
			"POST that may be processed": {"POST", []int{503, 200}, 1, false},
			"internal error":             {"GET", []int{500, 200}, 1, false},
			"rate limit":                 {"POST", []int{429, 429, 429, 429, 200}, 5, true},
			"success":                    {"GET", []int{200}, 1, true},
		}
		for what, test := range tests {
			t.Run(what, func(t *testing.T) {
				t.Parallel()
				client, count := serve(t, "", test.statuses...)
				_, err := client.Do(t.Context(), gateway.Request{Method: test.method, Path: "/a", Status: 200})
				if *count != test.tries || (err == nil) != test.answered {
					t.Errorf("got %d requests, want %d; error %v", *count, test.tries, err)
				}
			})
		}
	})

	t.Run("respects Retry-After within its deadline", func(t *testing.T) {
		t.Parallel()
		client, count := serve(t, "1", 429, 200)
		start := time.Now()
		if _, err := client.Do(t.Context(), gateway.Request{Method: "POST", Path: "/a", Status: 200}); err != nil || time.Since(start) < time.Second {
			t.Errorf("got error %v after %s and %d requests, want success after 1s", err, time.Since(start), *count)
		}
		client, _ = serve(t, "60", 429)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		start = time.Now()
		_, err := client.Do(ctx, gateway.Request{Method: "POST", Path: "/a", Status: 200})
		if err == nil || !strings.HasSuffix(err.Error(), "/a: 429 Too Many Requests") || time.Since(start) > 20*time.Second {
			t.Errorf("got error %v after %s, want 429 at once", err, time.Since(start))
		}
	})

	t.Run("retries a POST without a connection", func(t *testing.T) {
		t.Parallel()
		var config net.ListenConfig
		listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := listener.Addr().String()
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
		post := gateway.Request{Method: "POST", Path: "/a", Status: 200}
		client := &gateway.Client{URL: "http://" + address, Timeout: time.Minute, RetryInterval: time.Millisecond}
		if _, err := client.Do(t.Context(), post); err == nil || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("without RetryTimeout: got %v, want connection refused", err)
		}
		client.RetryTimeout = time.Minute
		go func() {
			time.Sleep(20 * time.Millisecond) // some attempts are refused
			again, err := config.Listen(t.Context(), "tcp", address)
			if err != nil {
				t.Error(err)
				return
			}
			server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
			t.Cleanup(func() { _ = server.Close() })
			_ = server.Serve(again)
		}()
		if _, err := client.Do(t.Context(), post); err != nil {
			t.Error(err)
		}
	})

	t.Run("shares RetryTimeout between requests", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var refused error
			client := &gateway.Client{URL: "http://gateway", Timeout: time.Minute, RetryInterval: time.Second, RetryTimeout: 10 * time.Second}
			client.HTTP.Transport = roundTrip(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, refused
			})
			took := func() time.Duration {
				start := time.Now()
				_, err := client.Do(t.Context(), gateway.Request{Method: "POST", Path: "/a", Status: 200})
				if (err == nil) != (refused == nil) {
					t.Error(err)
				}
				return time.Since(start)
			}
			away := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
			refused = away
			if first, second := took(), took(); first != 10*time.Second || second != 0 {
				t.Errorf("got %s for the first request and %s for the second, want 10s and 0s", first, second)
			}
			refused = nil
			took()
			refused = away
			if third := took(); third != 10*time.Second {
				t.Errorf("after a response: got %s, want 10s", third)
			}
		})
	})

	t.Run("shows an excerpt without secrets", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte("a\n\tb \xff " + strings.Repeat("x", 282) + " my secret and more"))
		}))
		t.Cleanup(server.Close)
		client := &gateway.Client{URL: server.URL, Timeout: time.Minute}
		client.Hide("my secret", "")
		_, err := client.Do(t.Context(), gateway.Request{Method: "GET", Path: "/a", Status: 200})
		want := "GET " + server.URL + "/a: 500 Internal Server Error: a b � " + strings.Repeat("x", 282) + " (hidden) an…"
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	})

	t.Run("explains a missing response", func(t *testing.T) {
		t.Parallel()
		hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		t.Cleanup(hangs.Close)
		closed := httptest.NewServer(nil)
		closed.Close()
		for url, want := range map[string]string{hangs.URL: "no response within 20ms", closed.URL: "connection refused"} {
			client := &gateway.Client{URL: url, Timeout: 20 * time.Millisecond, RetryInterval: time.Millisecond}
			_, err := client.Do(t.Context(), gateway.Request{Method: "GET", Path: "/a", Status: 200})
			var failure *gateway.Error
			if !errors.As(err, &failure) || failure.Status != 0 || !strings.HasSuffix(err.Error(), want) || strings.Count(err.Error(), url) != 1 {
				t.Errorf("got %v, want %s", err, want)
			}
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
