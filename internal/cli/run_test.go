package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/plan"
)

// ending returns a plan of one stage that ends with err.
func ending(t *testing.T, id string, err error) plan.Plan {
	t.Helper()
	p, planErr := plan.New(plan.Stage{
		ID: id, Title: id,
		Observe: func(context.Context) (plan.Observation, error) {
			return plan.Observation{State: plan.Missing, Reason: "not built yet"}, nil
		},
		Apply: func(context.Context, event.Reporter) error { return err },
	})
	if planErr != nil {
		t.Fatal(planErr)
	}
	return p
}

func TestInvocation_run_unwrittenOutput(t *testing.T) {
	t.Parallel()
	t.Run("a report that cannot be written counts before run.finished", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir() // in place of the JUnit report
		page := filepath.Join(t.TempDir(), "up.html")
		var out, text bytes.Buffer
		i := &invocation{session: deploy.NewSession(&deploy.Workspace{}), options: runOptions{json: true, junit: dir, html: page}, streams: Streams{Out: &out, Err: &text}}
		err := i.run(t.Context(), ending(t, deploy.StageRollout, nil), nil, nil)
		if got := exitCode(t.Context(), err); got != 4 || strings.Count(err.Error(), dir) != 1 {
			t.Errorf("got exit code %d for %v, want 4", got, err)
		}
		if last := lastLine(out.String()); !strings.Contains(last, `"outcome":"failed"`) || !strings.Contains(last, `"error":"write the JUnit report`) || !strings.Contains(last, `"exit":4`) {
			t.Errorf("got last event %s", last)
		}
		if html, err := os.ReadFile(page); !strings.Contains(string(html), "Exit code 4") {
			t.Errorf("got HTML report with another exit code, %v:\n%s", err, html)
		}
	})
	t.Run("an event that cannot be written counts before run.finished", func(t *testing.T) {
		t.Parallel()
		page := filepath.Join(t.TempDir(), "up.html")
		i := &invocation{session: deploy.NewSession(&deploy.Workspace{}), options: runOptions{json: true, html: page}, streams: Streams{Out: full{}, Err: &bytes.Buffer{}}}
		err := i.run(t.Context(), ending(t, deploy.StageRollout, nil), nil, nil)
		if got := exitCode(t.Context(), err); got != 1 || err.Error() != syscall.ENOSPC.Error() {
			t.Errorf("got exit code %d for %v, want 1 for one error", got, err)
		}
		if html, err := os.ReadFile(page); !strings.Contains(string(html), "Exit code 1") {
			t.Errorf("got HTML report with another exit code, %v:\n%s", err, html)
		}
	})
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// full is a file on a full disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestInvocation_run(t *testing.T) {
	t.Parallel()
	unhealthy := fault.New(fault.Unhealthy, errors.New("web crashes"), "see its log")
	for name, test := range map[string]struct {
		failure    error
		recovery   error
		why        string // why there is no recovery
		code       int
		rolledBack bool
		want       []string // in the text
	}{
		"success":                         {},
		"successful recovery":             {failure: unhealthy, code: 14, rolledBack: true, want: []string{"↩ rolling back", "! rolled back"}},
		"failed recovery":                 {failure: unhealthy, recovery: fault.New(fault.Apply, errors.New("no quota"), ""), code: 16, want: []string{"↩ rolling back", "✗ rollback"}},
		"recovery times out":              {failure: unhealthy, recovery: fault.New(fault.Inconclusive, errors.New("late"), ""), code: 16},
		"no recovery for a stated reason": {failure: unhealthy, why: "nothing verified", code: 14, want: []string{"! nothing verified"}},
		"no recovery without a reason":    {failure: unhealthy, code: 14},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			planRecovery := func(_ context.Context, failure error) (*deploy.Recovery, string) {
				calls++
				if !errors.Is(failure, test.failure) {
					t.Errorf("got failure %v, want %v", failure, test.failure)
				}
				if !test.rolledBack && test.recovery == nil {
					return nil, test.why
				}
				return &deploy.Recovery{Plan: ending(t, "rollback", test.recovery), Reason: "rolling back", Done: "rolled back", Hint: "by hand"}, ""
			}
			var out, text bytes.Buffer
			i := &invocation{session: deploy.NewSession(&deploy.Workspace{}), options: runOptions{json: true}, streams: Streams{Out: &out, Err: &text}}
			err := i.run(t.Context(), ending(t, deploy.StageRollout, test.failure), planRecovery, nil)
			if got := exitCode(t.Context(), err); got != test.code {
				t.Errorf("got exit code %d for %v, want %d", got, err, test.code)
			}
			if want := min(1, test.code); calls != want {
				t.Errorf("got %d calls of the planner, want %d", calls, want)
			}
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			var last struct {
				Kind       string
				Exit       int
				RolledBack bool `json:"rolled_back"`
			}
			if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last.Kind != "run.finished" || last.Exit != test.code || last.RolledBack != test.rolledBack {
				t.Errorf("got last event %s, %v, want run.finished with exit %d and rolled_back %t", lines[len(lines)-1], err, test.code, test.rolledBack)
			}
			for _, part := range test.want {
				if !strings.Contains(text.String(), part) {
					t.Errorf("got text without %q:\n%s", part, text.String())
				}
			}
			if test.recovery != nil {
				explained := explain(t.Context(), err)
				for _, part := range []string{"error: web crashes\ntkdeploy: hint: see its log", "error: roll back after this failure: " + test.recovery.Error() + "\ntkdeploy: hint: by hand"} {
					if !strings.Contains(explained, part) {
						t.Errorf("got errors without %q:\n%s", part, explained)
					}
				}
			}
		})
	}
}
