// Package test runs the services as a user has them: the real binaries, a real
// PostgreSQL and a real Redis, each private to the test.
package test

import (
	"encoding/json"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"tkdeploy.dev/tiktok/test/pgtest"
)

func TestAuthStack(t *testing.T) {
	t.Parallel()
	database, cache := pgtest.New(t), newRedis(t)
	auth, gateway := startServices(t, database.Config, cache.addr)

	// Nothing is there yet: the services live, wait and do not crash.
	for _, p := range []*process{auth, gateway} {
		p.waitFor(t, "/health/live", 200)
		p.waitFor(t, "/health", 503)
	}
	database.Start(t)
	cache.start(t)
	auth.waitFor(t, "/health", 200)
	gateway.waitFor(t, "/health", 200)

	// The journey.
	alice := `{"username":"alice","email":"alice@example.com","password":"correct horse"}`
	var user struct{ ID string }
	gateway.post(t, "/api/v1/auth/register", alice, 201, &user)
	gateway.post(t, "/api/v1/auth/register", alice, 409, nil)
	gateway.post(t, "/api/v1/auth/register", `{"username":"a","email":"a","password":"a"}`, 422, nil)
	gateway.post(t, "/api/v1/auth/login", `{"email":"alice@example.com","password":"wrong"}`, 401, nil)
	first := gateway.login(t)
	if got := gateway.me(t, first.Access); got != user.ID {
		t.Errorf("me is %q, registered was %q", got, user.ID)
	}
	var second tokens
	gateway.post(t, "/api/v1/auth/refresh", `{"refresh_token":"`+first.Refresh+`"}`, 200, &second)
	gateway.post(t, "/api/v1/auth/refresh", `{"refresh_token":"`+first.Refresh+`"}`, 401, nil)  // used already
	gateway.post(t, "/api/v1/auth/refresh", `{"refresh_token":"`+second.Refresh+`"}`, 401, nil) // its session has ended

	// One request id in the logs of both services.
	gateway.get(t, "/api/v1/me", map[string]string{"X-Request-Id": "trace-me", "Authorization": "Bearer " + second.Access})
	for _, p := range []*process{auth, gateway} {
		p.waitForLog(t, `"request_id":"trace-me"`)
	}

	// Dependencies go and come back.
	cache.stop(t)
	auth.waitFor(t, "/health", 503)
	auth.waitFor(t, "/health/live", 200)
	gateway.post(t, "/api/v1/auth/login", aliceLogin, 503, nil) // no session without Redis; the limit fails open
	if metrics := gateway.get(t, "/metrics", nil); !strings.Contains(metrics, "rate_limit_failed_open_total 1") {
		t.Error("the metric does not tell that the rate limit failed open")
	}
	cache.start(t)
	database.Stop(t)
	auth.waitFor(t, "/health", 503)
	database.Start(t)
	auth.waitFor(t, "/health", 200)
	gateway.waitFor(t, "/health", 200)
	gateway.login(t)

	// The limit is RATE_LIMIT requests a window.
	for range 40 {
		if gateway.send(t, http.MethodPost, "/api/v1/auth/login", `{"email":"x","password":"x"}`, nil).StatusCode == http.StatusTooManyRequests {
			auth.checkDrain(t)
			gateway.checkDrain(t)
			return
		}
	}
	t.Error("40 logins and no limit")
}

// checkDrain sends SIGTERM: the process is not ready at once, serves on until the
// drain is over, and then ends with status 0.
func (p *process) checkDrain(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.waitFor(t, "/health", 503)
	p.waitFor(t, "/health/live", 200)
	select {
	case <-p.exited:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s does not stop", p.name)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("%s exits with %d", p.name, code)
	}
}

const aliceLogin = `{"email":"alice@example.com","password":"correct horse"}`

type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

func (p *process) login(t *testing.T) (result tokens) {
	t.Helper()
	p.post(t, "/api/v1/auth/login", aliceLogin, 200, &result)
	return result
}

func (p *process) me(t *testing.T, access string) string {
	t.Helper()
	var user struct{ ID string }
	body := p.get(t, "/api/v1/me", map[string]string{"Authorization": "Bearer " + access})
	if err := json.Unmarshal([]byte(body), &user); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return user.ID
}
