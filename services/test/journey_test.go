package test

import (
	"bytes"
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"tkdeploy.dev/tiktok/internal/postgres"
)

// passedJourney omits the durations.
const passedJourney = `TAP version 14
1..9
ok 1 - register two accounts
ok 2 - log in
ok 3 - refresh the session
ok 4 - post a video
ok 5 - feed from the database
ok 6 - feed from the cache
ok 7 - like from the second account
ok 8 - notification of the like
ok 9 - clean up
`

var yamlBlock = regexp.MustCompile(`  ---\n  duration_ms: \d+\.\d{3}\n  \.\.\.\n`)

func (w *whole) journey(t *testing.T) (output, log string, status int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), filepath.Join(w.bin, "journey"))
	cmd.Env = []string{"GATEWAY_URL=http://127.0.0.1:" + w.gateway.port}
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Errorf("run the journey: %v", err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// checkJourney runs a single journey. Every step must pass and leave no rows behind.
func (w *whole) checkJourney(t *testing.T) {
	output, log, status := w.journey(t)
	if got := yamlBlock.ReplaceAllString(output, ""); got != passedJourney || log != "" || status != 0 {
		t.Fatalf("got exit code %d, output\n%s%s\nwant code 0, output\n%s", status, output, log, passedJourney)
	}
	pool, err := postgres.Open(t.Context(), w.database.Config, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for _, table := range []string{
		"auth.users", "video.videos", "video.contents", "interaction.likes", "interaction.comments", "interaction.views", "notification.notifications",
	} {
		var rows int
		if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&rows); err != nil || rows > 0 {
			t.Errorf("table %s: got %d rows, error %v, want none", table, rows, err)
		}
	}
}

func (w *whole) checkJourneys(t *testing.T) {
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			output, log, status := w.journey(t)
			if got := yamlBlock.ReplaceAllString(output, ""); got != passedJourney || status != 0 {
				t.Errorf("got exit code %d, output\n%s%s\nwant code 0, output\n%s", status, output, log, passedJourney)
			}
		})
	}
	running.Wait()
	if feed := w.gateway.get(t, "/api/v1/feed", nil); !strings.Contains(feed, `"videos":[]`) {
		t.Errorf("got feed %s, want no videos", feed)
	}
}

// checkJourneyWithoutRedis runs a journey that cannot log in.
func (w *whole) checkJourneyWithoutRedis(t *testing.T) {
	output, _, status := w.journey(t)
	for _, want := range []string{
		"ok 1 - register two accounts", "not ok 2 - log in", "/api/v1/auth/login: 503 Service Unavailable: {", "a required service is unavailable",
		`ok 4 - post a video # SKIP needs "log in"`, "not ok 9 - clean up",
	} {
		if !strings.Contains(output, want) || status != 1 {
			t.Errorf("got exit code %d, output\n%s\nwant code 1, output with %q", status, output, want)
		}
	}
}
