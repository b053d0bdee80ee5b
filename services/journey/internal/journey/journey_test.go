package journey_test

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"tkdeploy.dev/tiktok/journey/internal/gateway"
	"tkdeploy.dev/tiktok/journey/internal/journey"
	"tkdeploy.dev/tiktok/journey/internal/tap"
)

const all = "register two accounts, log in, refresh the session, post a video, feed from the database, feed from the cache, " +
	"like from the second account, notification of the like, clean up"

// take runs the journey and returns the output and the passed and skipped steps.
func take(ctx context.Context, f *fake) (output, passed, skipped string) {
	j := &journey.Journey{
		Gateway: &gateway.Client{URL: f.url, Timeout: time.Minute, RetryInterval: time.Millisecond},
		Limits:  journey.Limits{Steps: time.Minute, Notification: 20 * time.Millisecond, CleanUp: time.Minute},
		Poll:    time.Millisecond,
	}
	var b strings.Builder
	j.Run(ctx, tap.New(&b, len(j.Names())))
	var good, left []string
	for _, point := range regexp.MustCompile(`(?m)^ok \d+ - (.*)$`).FindAllStringSubmatch(b.String(), -1) {
		if name, why, skip := strings.Cut(point[1], " # SKIP "); skip {
			left = append(left, name+" "+why)
		} else {
			good = append(good, name)
		}
	}
	return b.String(), strings.Join(good, ", "), strings.Join(left, ", ")
}

func messages(output string) string {
	return strings.Join(regexp.MustCompile(`message: .*`).FindAllString(output, -1), "\n")
}

func (f *fake) wantNothingLeft(t *testing.T) {
	t.Helper()
	if accounts, videos := f.left(); accounts+videos > 0 {
		t.Errorf("got %d accounts and %d videos left, want none", accounts, videos)
	}
}

func TestJourney_Run(t *testing.T) {
	t.Parallel()
	t.Run("passes and leaves nothing behind", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, nil)
		output, passed, _ := take(t.Context(), f)
		if passed != all {
			t.Errorf("got passed %s, want all\n%s", passed, output)
		}
		f.wantNothingLeft(t)
	})

	t.Run("reports a failure and skips its dependents", func(t *testing.T) {
		t.Parallel()
		const needsPost = `feed from the database needs "post a video", feed from the cache needs "post a video", ` +
			`like from the second account needs "post a video", notification of the like needs "like from the second account"`
		const needsLogin = `refresh the session needs "log in", post a video needs "log in", ` + needsPost
		tests := map[string]struct{ passed, skipped, message string }{
			"POST /api/v1/auth/register": {
				"clean up", `log in needs "register two accounts", ` + needsLogin, "POST URL/api/v1/auth/register: 500 Internal Server Error: {",
			},
			"POST /api/v1/auth/refresh": {strings.Replace(all, "refresh the session, ", "", 1), "", "POST URL/api/v1/auth/refresh: 500"},
			"POST /api/v1/videos": {
				"register two accounts, log in, refresh the session, clean up", needsPost, "POST URL/api/v1/videos: 500",
			},
			"GET /api/v1/feed": {
				strings.Replace(all, "feed from the database, feed from the cache, ", "", 1), "", "GET URL/api/v1/feed: 500",
			},
			"PUT /api/v1/videos/{id}/like": {
				"register two accounts, log in, refresh the session, post a video, feed from the database, feed from the cache, clean up",
				`notification of the like needs "like from the second account"`, "/like: 500",
			},
			"GET /api/v1/notifications": {
				strings.Replace(all, "notification of the like, ", "", 1), "", "GET URL/api/v1/notifications: 500",
			},
			"DELETE /api/v1/videos/{id}": {strings.TrimSuffix(all, ", clean up"), "", "DELETE URL/api/v1/videos/"},
		}
		for pattern, test := range tests {
			t.Run(strings.ReplaceAll(pattern, "/", " "), func(t *testing.T) {
				t.Parallel()
				f := newFake(t, map[string]http.HandlerFunc{pattern: broken})
				output, passed, skipped := take(t.Context(), f)
				if passed != test.passed || skipped != test.skipped {
					t.Errorf("got passed %s, skipped %s\nwant passed %s, skipped %s\n%s", passed, skipped, test.passed, test.skipped, output)
				}
				if want := strings.Replace(test.message, "URL", f.url, 1); !strings.Contains(messages(output), want) {
					t.Errorf("got %s, want %s", messages(output), want)
				}
				f.wantNothingLeft(t)
			})
		}
	})

	t.Run("fails on a wrong response", func(t *testing.T) {
		t.Parallel()
		says := func(body string) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
		}
		tests := map[string]struct {
			pattern string
			handler http.HandlerFunc
			failed  string
			message string
		}{
			"another account":        {"GET /api/v1/me", says(`{"id":"x"}`), "log in", `the account is \"x\", want \"user-1\"`},
			"different content":      {"GET /api/v1/videos/{id}/content", says("x"), "post a video", "got 1 bytes that differ from the posted content"},
			"feed without the video": {"GET /api/v1/feed", says(`{"videos":[]}`), "feed from the database", "is not among the 0 videos (X-Cache: )"},
			"missing like":           {"GET /api/v1/videos/{id}", says(`{"liked":false}`), "like from the second account", "the video is not liked"},
			"missing notification":   {"GET /api/v1/notifications", says(`{"notifications":[]}`), "notification of the like", "not among the 0 notifications after"},
			"another notification":   {"GET /api/v1/notifications", says(`{"notifications":[{"type":"liked","video_id":"x"}]}`), "notification of the like", "not among the 1"},
			"invalid JSON":           {"GET /api/v1/notifications", says(`<html>`), "notification of the like", "200 OK, not as the API specifies: invalid character"},
			"unexpected success":     {"PUT /api/v1/videos/{id}/like", says("secret"), "like from the second account", `/like: 200 OK, want 204"`},
		}
		for what, test := range tests {
			t.Run(what, func(t *testing.T) {
				t.Parallel()
				f := newFake(t, map[string]http.HandlerFunc{test.pattern: test.handler})
				output, _, _ := take(t.Context(), f)
				if !regexp.MustCompile(`(?m)^not ok \d - `+test.failed+`$`).MatchString(output) || !strings.Contains(messages(output), test.message) {
					t.Errorf("got\n%s\nwant %s failed with %s", output, test.failed, test.message)
				}
				f.wantNothingLeft(t)
			})
		}
	})

	t.Run("tolerates other users", func(t *testing.T) {
		t.Parallel()
		tests := map[string]func(*fake, *http.Request){
			"earlier read": func(f *fake, r *http.Request) { f.cached = r.URL.RawQuery == "" },
			"posts that invalidate the cache": func(f *fake, _ *http.Request) {
				if f.issued%3 != 0 {
					f.add("somebody", "")
				}
			},
			"posts that fill a page": func(f *fake, _ *http.Request) {
				if f.issued < 20 {
					f.add("somebody", "")
					f.add("somebody", "")
				}
			},
		}
		for what, others := range tests {
			t.Run(what, func(t *testing.T) {
				t.Parallel()
				var f *fake
				f = newFake(t, map[string]http.HandlerFunc{"GET /api/v1/feed": func(w http.ResponseWriter, r *http.Request) {
					f.mu.Lock()
					others(f, r)
					f.mu.Unlock()
					f.feed(w, r)
				}})
				if output, passed, _ := take(t.Context(), f); passed != all {
					t.Errorf("got\n%s\nwant every step passed", output)
				}
				f.mu.Lock()
				f.keep(func(v map[string]any) bool { return v["owner"] != "somebody" })
				f.mu.Unlock()
				f.wantNothingLeft(t)
			})
		}
	})

	t.Run("fails if the feed is never cached", func(t *testing.T) {
		t.Parallel()
		var f *fake
		f = newFake(t, map[string]http.HandlerFunc{"GET /api/v1/feed": func(w http.ResponseWriter, r *http.Request) {
			f.mu.Lock()
			f.cached = false
			f.mu.Unlock()
			f.feed(w, r)
		}})
		output, _, _ := take(t.Context(), f)
		if !strings.Contains(output, "not ok 6 - feed from the cache") || !strings.Contains(output, "no X-Cache: hit in 10 reads") {
			t.Errorf("got\n%s\nwant feed from the cache failed after 10 reads", output)
		}
	})

	t.Run("cleans up after a lost registration response", func(t *testing.T) {
		t.Parallel()
		var f *fake
		f = newFake(t, map[string]http.HandlerFunc{"POST /api/v1/auth/register": func(_ http.ResponseWriter, r *http.Request) {
			f.register(new(nothing), r)
			panic(http.ErrAbortHandler)
		}})
		output, passed, _ := take(t.Context(), f)
		if passed != "clean up" || !strings.Contains(messages(output), "/register: EOF") {
			t.Errorf("got\n%s\nwant only the clean-up passed after a lost response", output)
		}
		f.wantNothingLeft(t)
	})

	t.Run("cleans up when stopped", func(t *testing.T) {
		t.Parallel()
		ctx, stop := context.WithCancelCause(t.Context())
		f := newFake(t, map[string]http.HandlerFunc{"GET /api/v1/feed": func(_ http.ResponseWriter, r *http.Request) {
			stop(errors.New("stopped by the test"))
			<-r.Context().Done()
		}})
		output, passed, _ := take(ctx, f)
		if passed != "register two accounts, log in, refresh the session, post a video, clean up" || !strings.Contains(output, "/api/v1/feed: stopped by the test") {
			t.Errorf("got\n%s\nwant the feed step stopped and the clean-up passed", output)
		}
		f.wantNothingLeft(t)
	})

	t.Run("prints no secrets", func(t *testing.T) {
		t.Parallel()
		echo := func(w http.ResponseWriter, r *http.Request) {
			respond(w, http.StatusBadRequest, map[string]any{"header": r.Header.Get("Authorization"), "body": decode(r)})
		}
		for _, pattern := range []string{"POST /api/v1/auth/register", "POST /api/v1/auth/login", "POST /api/v1/auth/refresh", "POST /api/v1/videos"} {
			f := newFake(t, map[string]http.HandlerFunc{pattern: echo})
			output, _, _ := take(t.Context(), f)
			secret := regexp.MustCompile(`(access|refresh) of user|password[^,}]*[A-Z2-7]{26}`)
			if found := secret.FindString(output); found != "" || !strings.Contains(output, "(hidden)") {
				t.Errorf("%s: got secret %q, want (hidden) in\n%s", pattern, found, output)
			}
		}
	})
}

type nothing struct{}

func (nothing) Header() http.Header         { return http.Header{} }
func (nothing) Write(p []byte) (int, error) { return len(p), nil }
func (nothing) WriteHeader(int)             {}
