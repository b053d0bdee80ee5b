// Package test runs the services' binaries with private stores.
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

	// Without their dependencies the services are live and wait.
	for _, p := range []*process{auth, gateway} {
		p.waitFor(t, "/health/live", 200)
		p.waitFor(t, "/health", 503)
	}
	database.Start(t)
	cache.start(t)
	auth.waitFor(t, "/health", 200)
	gateway.waitFor(t, "/health", 200)

	alice := `{"username":"alice","email":"alice@example.com","password":"correct horse"}`
	var user struct{ ID string }
	gateway.post(t, "/api/v1/auth/register", alice, 201, &user)
	gateway.post(t, "/api/v1/auth/register", alice, 409, nil)
	gateway.post(t, "/api/v1/auth/register", `{"username":"a","email":"a","password":"a"}`, 422, nil)
	gateway.post(t, "/api/v1/auth/login", `{"email":"alice@example.com","password":"wrong"}`, 401, nil)
	first := gateway.login(t)
	if got := gateway.me(t, first.Access); got != user.ID {
		t.Errorf("me: got %q, want %q", got, user.ID)
	}
	var second tokens
	gateway.post(t, "/api/v1/auth/refresh", `{"refresh_token":"`+first.Refresh+`"}`, 200, &second)
	gateway.post(t, "/api/v1/auth/refresh", `{"refresh_token":"`+first.Refresh+`"}`, 401, nil)  // already used
	gateway.post(t, "/api/v1/auth/refresh", `{"refresh_token":"`+second.Refresh+`"}`, 401, nil) // its session has ended

	// Both services log the request id.
	gateway.get(t, "/api/v1/me", map[string]string{"X-Request-Id": "trace-me", "Authorization": "Bearer " + second.Access})
	for _, p := range []*process{auth, gateway} {
		p.waitForLog(t, `"request_id":"trace-me"`)
	}

	// Dependencies stop and start again.
	cache.stop(t)
	auth.waitFor(t, "/health", 503)
	auth.waitFor(t, "/health/live", 200)
	gateway.post(t, "/api/v1/auth/login", aliceLogin, 503, nil) // no session without Redis, and no rate limit
	if metrics := gateway.get(t, "/metrics", nil); !strings.Contains(metrics, "rate_limit_failed_open_total 1") {
		t.Error("rate_limit_failed_open_total: got another value, want 1")
	}
	cache.start(t)
	database.Stop(t)
	auth.waitFor(t, "/health", 503)
	database.Start(t)
	auth.waitFor(t, "/health", 200)
	gateway.waitFor(t, "/health", 200)
	gateway.login(t)

	for range 40 {
		if gateway.send(t, http.MethodPost, "/api/v1/auth/login", `{"email":"x","password":"x"}`, nil).StatusCode == http.StatusTooManyRequests {
			auth.checkDrain(t)
			gateway.checkDrain(t)
			return
		}
	}
	t.Error("got no 429 in 40 logins")
}

// checkDrain sends SIGTERM. The process must fail readiness at once, serve while
// it drains, and exit with code 0.
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
		t.Fatalf("%s: timed out waiting for its exit", p.name)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("%s: got exit code %d, want 0", p.name, code)
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
