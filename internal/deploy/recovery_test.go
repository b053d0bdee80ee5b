package deploy

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/health"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/release"
	"tkdeploy.dev/tkdeploy/internal/rollout"
)

func stageFailure(stage string, class fault.Class) error {
	return errors.Join(&plan.StageError{Stage: stage, Err: fault.New(class, errors.New("broken"), "")})
}

func TestIsRevisionFailure(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		failure error
		want    bool
	}{
		"unhealthy workloads":         {stageFailure(StageRollout, fault.Unhealthy), true},
		"failed smoke test":           {stageFailure(StageVerify, fault.Smoke), true},
		"timeout":                     {stageFailure(StageRollout, fault.Inconclusive), false},
		"unavailable engine":          {stageFailure(StageVerify, fault.Environment), false},
		"error without a class":       {errors.Join(&plan.StageError{Stage: StageRollout, Err: errors.New("read the kubeconfig")}), false},
		"release was not applied":     {stageFailure(StageRelease, fault.Apply), false},
		"rejected after some objects": {errors.Join(&plan.StageError{Stage: StageRelease, Err: fault.New(fault.Apply, &release.UnfinishedError{Err: errors.New("denied")}, "")}), true},
		"slow post-upgrade hook":      {errors.Join(&plan.StageError{Stage: StageRelease, Err: fault.New(fault.Inconclusive, &release.UnfinishedError{Err: errors.New("not ready")}, "")}), false},
		"two failures, one unrelated": {errors.Join(stageFailure(StageRollout, fault.Unhealthy), stageFailure(StageBuild, fault.Build)), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := isRevisionFailure(test.failure); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}

func TestIsConclusive(t *testing.T) {
	t.Parallel()
	now := time.Now()
	rollOut := func(causes ...health.Cause) error {
		return errors.Join(&plan.StageError{Stage: StageRollout, Err: fault.New(fault.Unhealthy, &rollout.Failure{Causes: causes, Expired: true}, "")})
	}
	for name, test := range map[string]struct {
		failure error
		want    bool
	}{
		"a fatal cause":                 {rollOut(health.Cause{Reason: health.NotReady}, health.Cause{Reason: health.ImagePull, ObservedAt: now, FatalAt: now}), true},
		"a probe that fails at timeout": {rollOut(health.Cause{Reason: health.NotReady, ObservedAt: now}), false},
		"a failed smoke test":           {stageFailure(StageVerify, fault.Smoke), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := isConclusive(test.failure); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
			if _, why := (&Run{WrittenRevision: 2, options: Options{NoRollback: true}}).PlanRecovery(t.Context(), test.failure); strings.HasPrefix(why, "keeping revision 2: it may only be slow") == test.want {
				t.Errorf("got %q", why)
			}
		})
	}
}

func TestRun_PlanRecovery(t *testing.T) {
	t.Parallel()
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx  context.Context
		run  Run
		want string
	}{
		"canceled":        {canceled, Run{WrittenRevision: 2}, ""},
		"no new revision": {t.Context(), Run{}, ""},
		"no-rollback":     {t.Context(), Run{WrittenRevision: 2, options: Options{NoRollback: true}}, `keeping failed revision 2 (--no-rollback); run "tkdeploy rollback" to roll back`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if recovery, why := test.run.PlanRecovery(test.ctx, stageFailure(StageRollout, fault.Unhealthy)); recovery != nil || why != test.want {
				t.Errorf("got %v, %q, want no recovery and %q", recovery, why, test.want)
			}
		})
	}
}

func TestNewRecovery(t *testing.T) {
	t.Parallel()
	target := release.Rollback{
		From:    release.Revision{Revision: 4},
		To:      release.Revision{Revision: 2, Chart: "shop-0.1.0", Verified: true},
		Skipped: []string{"revision 3 (not verified)"},
	}
	got := newRecovery(plan.Plan{}, target, true)
	if got.Reason != "revision 4 failed: rolling back to revision 2 (shop-0.1.0, verified); skipped: revision 3 (not verified)" {
		t.Errorf("got reason %q", got.Reason)
	}
	if got.Done != "revision 4 was rolled back: revision 5 is deployed, with the objects of revision 2, and passed its smoke test" {
		t.Errorf("got done %q", got.Done)
	}
	if got := newRecovery(plan.Plan{}, target, false); strings.Contains(got.Done, "smoke") {
		t.Errorf("got done %q without a smoke test", got.Done)
	}
}

func TestRun_rollbackStages(t *testing.T) {
	t.Parallel()
	r := NewSession(&Workspace{}).NewRun(Options{Verify: true})
	up, err := r.UpPlan()
	if err != nil {
		t.Fatal(err)
	}
	recovery, err := plan.New(r.rollbackStages(recoveryPrefix, 0)...)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range recovery.IDs() {
		if slices.Contains(up.IDs(), id) {
			t.Errorf("got stage %s in both plans", id)
		}
	}
}

func TestAsRollback(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for class, want := range map[fault.Class]fault.Class{
		fault.Load: fault.Rollback, fault.Unhealthy: fault.Rollback, fault.Smoke: fault.Rollback, fault.Cluster: fault.Rollback, fault.Config: fault.Rollback,
		fault.Rollback: fault.Rollback, fault.Inconclusive: fault.Inconclusive, fault.Environment: fault.Environment, fault.NotOwned: fault.NotOwned,
	} {
		if got := fault.ClassOf(asRollback(fault.New(class, broken, ""))); got != want {
			t.Errorf("%s: got %s, want %s", class, got, want)
		}
	}
	if got := fault.ClassOf(asRollback(broken)); got != fault.Rollback {
		t.Errorf("got %s for an error without a class, want rollback", got)
	}
	if got := asRollback(nil); got != nil {
		t.Errorf("got %v for nil, want nil", got)
	}
}
