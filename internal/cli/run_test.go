package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/plan"
)

// ending is a plan of one stage that ends with err.
func ending(t *testing.T, id string, err error) plan.Plan {
	t.Helper()
	p, planErr := plan.New(plan.Stage{
		ID: id, Title: id,
		Observe: func(context.Context) (plan.Observation, error) {
			return plan.Observation{State: plan.Missing}, nil
		},
		Apply: func(context.Context, event.Reporter) error { return err },
	})
	if planErr != nil {
		t.Fatal(planErr)
	}
	return p
}

func TestInvocation_run(t *testing.T) {
	t.Parallel()
	unhealthy := fault.New(fault.Unhealthy, errors.New("web crashes"), "see its log")
	for name, test := range map[string]struct {
		failure    error
		recovery   error
		none       string // why there is no recovery
		status     int
		rolledBack bool
		says       []string
	}{
		"a good run asks for none":                       {},
		"a recovery keeps the original status":           {failure: unhealthy, status: 14, rolledBack: true, says: []string{"↩ going back", "! back again"}},
		"of a failed one both causes are told":           {failure: unhealthy, recovery: fault.New(fault.Apply, errors.New("no quota"), ""), status: 16, says: []string{"↩ going back", "✗ rollback"}},
		"one that runs out of time has failed":           {failure: unhealthy, recovery: fault.New(fault.Inconclusive, errors.New("late"), ""), status: 16},
		"where there is nowhere to go, it says so":       {failure: unhealthy, none: "nothing verified", status: 14, says: []string{"! nothing verified"}},
		"where nobody would expect one, it says nothing": {failure: unhealthy, status: 14},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			find := func(_ context.Context, failure error) (*deploy.Recovery, string) {
				asked++
				if !errors.Is(failure, test.failure) {
					t.Errorf("asked about %v", failure)
				}
				if !test.rolledBack && test.recovery == nil {
					return nil, test.none
				}
				return &deploy.Recovery{Plan: ending(t, "rollback", test.recovery), Reason: "going back", Done: "back again", Hint: "by hand"}, ""
			}
			var out, text bytes.Buffer
			i := &invocation{session: deploy.NewSession(&deploy.Workspace{}), options: runOptions{json: true}, streams: Streams{Out: &out, Err: &text}}
			err := i.run(t.Context(), ending(t, deploy.StageRollout, test.failure), find, nil)
			if got := exitCode(t.Context(), err); got != test.status {
				t.Errorf("status %d of %v, want %d", got, err, test.status)
			}
			if wanted := min(1, test.status); asked != wanted {
				t.Errorf("asked %d times", asked)
			}
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			var last struct {
				Kind       string
				Exit       int
				RolledBack bool `json:"rolled_back"`
			}
			if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last.Kind != "run.finished" || last.Exit != test.status || last.RolledBack != test.rolledBack {
				t.Errorf("%v: %s", err, lines[len(lines)-1])
			}
			for _, part := range test.says {
				if !strings.Contains(text.String(), part) {
					t.Errorf("%q is not in\n%s", part, text.String())
				}
			}
			if test.recovery != nil {
				explained := explain(t.Context(), err)
				for _, part := range []string{"error: web crashes\ntkdeploy: hint: see its log", "error: roll back after this failure: " + test.recovery.Error() + "\ntkdeploy: hint: by hand"} {
					if !strings.Contains(explained, part) {
						t.Errorf("%q is not in\n%s", part, explained)
					}
				}
			}
		})
	}
}
