package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/release"
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

func TestAFailedRunIsTakenBackOnce(t *testing.T) {
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
			find := func(_ context.Context, failure error) (*recovery, string) {
				asked++
				if !errors.Is(failure, test.failure) {
					t.Errorf("asked about %v", failure)
				}
				if !test.rolledBack && test.recovery == nil {
					return nil, test.none
				}
				return &recovery{plan: ending(t, "rollback", test.recovery), cause: "going back", done: "back again", hint: "by hand"}, ""
			}
			var out, text bytes.Buffer
			w := &workspace{json: true}
			err := w.runOrRecover(t.Context(), ending(t, stageRollout, test.failure), find, nil, Streams{Out: &out, Err: &text})
			if got := statusOf(t.Context(), err); got != test.status {
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
				for _, part := range []string{"error: web crashes\ntkdeploy: hint: see its log", "error: go back after this failure: " + test.recovery.Error() + "\ntkdeploy: hint: by hand"} {
					if !strings.Contains(explained, part) {
						t.Errorf("%q is not in\n%s", part, explained)
					}
				}
			}
		})
	}
}

func TestOnlyAProvenFailureOfThisRunsRevisionIsTakenBack(t *testing.T) {
	t.Parallel()
	at := func(stage string, class fault.Class) error {
		return errors.Join(&plan.StageError{Stage: stage, Err: fault.New(class, errors.New("broken"), "")})
	}
	for name, test := range map[string]struct {
		failure error
		want    bool
	}{
		"workloads that do not come up":  {at(stageRollout, fault.Unhealthy), true},
		"a failed smoke test":            {at(stageVerify, fault.Smoke), true},
		"a timeout":                      {at(stageRollout, fault.Inconclusive), false},
		"an engine that went away":       {at(stageVerify, fault.Environment), false},
		"an error of no class":           {errors.Join(&plan.StageError{Stage: stageRollout, Err: errors.New("read the kubeconfig")}), false},
		"a release that was not applied": {at(stageRelease, fault.Apply), false},
		"two failures, one unproven":     {errors.Join(at(stageRollout, fault.Unhealthy), at(stageBuild, fault.Build)), false},
	} {
		if got := provenBad(test.failure); got != test.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	bad := at(stageRollout, fault.Unhealthy)
	for name, test := range map[string]struct {
		ctx  context.Context
		d    deployment
		says string
	}{
		"a signal":          {canceled, deployment{written: 2}, ""},
		"no new revision":   {t.Context(), deployment{}, ""},
		"it was not wanted": {t.Context(), deployment{written: 2, noRollback: true}, "revision 2 is kept as it failed (--no-rollback); tkdeploy rollback goes back"},
	} {
		if back, why := test.d.back(test.ctx, bad); back != nil || why != test.says {
			t.Errorf("%s: %v, %q", name, back, why)
		}
	}
}

func TestARecoverySaysWhatWillServe(t *testing.T) {
	t.Parallel()
	way := release.Rollback{
		From:    release.Revision{Revision: 4},
		To:      release.Revision{Revision: 2, Chart: "shop-0.1.0", Verified: true},
		Skipped: []string{"revision 3 (not verified)"},
	}
	got := describeRecovery(plan.Plan{}, way, true)
	if got.cause != "revision 4 failed: going back to revision 2 (shop-0.1.0, verified); skipped: revision 3 (not verified)" {
		t.Errorf("cause %q", got.cause)
	}
	if got.done != "revision 4 was taken back: revision 5 serves, with the objects of revision 2, and passed its smoke test" {
		t.Errorf("done %q", got.done)
	}
	if got := describeRecovery(plan.Plan{}, way, false); strings.Contains(got.done, "smoke") {
		t.Errorf("done %q", got.done)
	}
}

func TestTheStagesOfARecoveryAreNotThoseOfUp(t *testing.T) {
	t.Parallel()
	d := &deployment{verify: true}
	up, err := d.stages()
	if err != nil {
		t.Fatal(err)
	}
	back, err := plan.New(d.rollbackStages(recoveryPrefix)...)
	if err != nil {
		t.Fatal(err)
	}
	seen := " " + strings.Join(up.IDs(), " ") + " "
	for _, id := range back.IDs() {
		if strings.Contains(seen, " "+id+" ") {
			t.Errorf("stage %s is one of both", id)
		}
	}
}

func TestAsRollback(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for class, want := range map[fault.Class]fault.Class{
		fault.Load: fault.Rollback, fault.Unhealthy: fault.Rollback, fault.Smoke: fault.Rollback, fault.Cluster: fault.Rollback,
		fault.Rollback: fault.Rollback, fault.Inconclusive: fault.Inconclusive, fault.Environment: fault.Environment, fault.NotOwned: fault.NotOwned,
	} {
		if got := fault.ClassOf(asRollback(fault.New(class, broken, ""))); got != want {
			t.Errorf("%s: got %s, want %s", class, got, want)
		}
	}
	if got := fault.ClassOf(asRollback(broken)); got != fault.Rollback {
		t.Errorf("without a class: got %s", got)
	}
	if asRollback(nil) != nil {
		t.Error("no error became one")
	}
}
