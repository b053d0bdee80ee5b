package deploy

import (
	"context"
	"errors"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/release"
)

func TestRun_PlanRecovery(t *testing.T) {
	t.Parallel()
	at := func(stage string, class fault.Class) error {
		return errors.Join(&plan.StageError{Stage: stage, Err: fault.New(class, errors.New("broken"), "")})
	}
	for name, test := range map[string]struct {
		failure error
		want    bool
	}{
		"workloads that do not come up":  {at(StageRollout, fault.Unhealthy), true},
		"a failed smoke test":            {at(StageVerify, fault.Smoke), true},
		"a timeout":                      {at(StageRollout, fault.Inconclusive), false},
		"an engine that went away":       {at(StageVerify, fault.Environment), false},
		"an error of no class":           {errors.Join(&plan.StageError{Stage: StageRollout, Err: errors.New("read the kubeconfig")}), false},
		"a release that was not applied": {at(StageRelease, fault.Apply), false},
		"two failures, one unproven":     {errors.Join(at(StageRollout, fault.Unhealthy), at(StageBuild, fault.Build)), false},
	} {
		if got := isRevisionFailure(test.failure); got != test.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	bad := at(StageRollout, fault.Unhealthy)
	for name, test := range map[string]struct {
		ctx  context.Context
		r    Run
		says string
	}{
		"a signal":          {canceled, Run{WrittenRevision: 2}, ""},
		"no new revision":   {t.Context(), Run{}, ""},
		"it was not wanted": {t.Context(), Run{WrittenRevision: 2, options: Options{NoRollback: true}}, `keeping failed revision 2 (--no-rollback); run "tkdeploy rollback" to roll back`},
	} {
		if back, why := test.r.PlanRecovery(test.ctx, bad); back != nil || why != test.says {
			t.Errorf("%s: %v, %q", name, back, why)
		}
	}
}

func TestNewRecovery(t *testing.T) {
	t.Parallel()
	way := release.Rollback{
		From:    release.Revision{Revision: 4},
		To:      release.Revision{Revision: 2, Chart: "shop-0.1.0", Verified: true},
		Skipped: []string{"revision 3 (not verified)"},
	}
	got := newRecovery(plan.Plan{}, way, true)
	if got.Reason != "revision 4 failed: rolling back to revision 2 (shop-0.1.0, verified); skipped: revision 3 (not verified)" {
		t.Errorf("cause %q", got.Reason)
	}
	if got.Done != "revision 4 was rolled back: revision 5 is deployed, with the objects of revision 2, and passed its smoke test" {
		t.Errorf("done %q", got.Done)
	}
	if got := newRecovery(plan.Plan{}, way, false); strings.Contains(got.Done, "smoke") {
		t.Errorf("done %q", got.Done)
	}
}

func TestRun_rollbackStages(t *testing.T) {
	t.Parallel()
	r := NewSession(&Workspace{}).NewRun(Options{Verify: true})
	up, err := r.UpPlan()
	if err != nil {
		t.Fatal(err)
	}
	back, err := plan.New(r.rollbackStages(recoveryPrefix, 0)...)
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
