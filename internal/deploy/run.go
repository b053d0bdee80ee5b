package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/deploy/smoke"
	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/health"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/verify/checks"
)

// Stage IDs of `tkdeploy up`, in order.
const (
	StageEngine  = "engine"
	StageBuild   = "build"
	StageCluster = "cluster"
	StageLoad    = "load"
	StageRelease = "release"
	StageRollout = "rollout"
	StageVerify  = "verify"
)

// Stage IDs of other commands.
const (
	StageDown     = "down"
	StageTarget   = "target" // of a rollback
	StageRollback = "rollback"
)

// recoveryPrefix distinguishes the stages of an automatic rollback from those of
// the failed run.
const recoveryPrefix = "rollback-"

// Options are the options of a run.
type Options struct {
	Values  []string      // absolute paths; override the files in tkdeploy.yaml
	Set     []string      // in the form of helm --set; override all files
	Timeout time.Duration // for each hook, for the rollout, and again for the smoke test
	Verify  bool

	DryRun     bool // change nothing
	NoRollback bool // keep a failed revision
	Revision   int  // target of a rollback; 0 selects the newest verified one
}

// Run provides the stages of one run. Stages share reads through the session and
// need no result of another stage.
type Run struct {
	session *Session
	options Options

	// WrittenRevision is the revision that the release stage wrote, or 0. An
	// automatic rollback requires one.
	WrittenRevision int

	// PodsReplacedAt is the end of a rollout that may have replaced pods, or zero.
	// The smoke test waits until Services drop the old pods.
	PodsReplacedAt time.Time
}

// NewRun returns a run that can be used once.
func (s *Session) NewRun(o Options) *Run { return &Run{session: s, options: o} }

func (r *Run) desired(all []engine.Image) chart.Desired {
	d := r.session.Workspace.desired(all)
	d.ValuesFiles = append(d.ValuesFiles, r.options.Values...)
	d.Set = r.options.Set
	return d
}

// CheckChart validates the chart, the values and the smoke checks, with placeholder image
// tags. It queries the cluster only if the chart may be valid there although it seems
// invalid offline, and returns warnings.
func (r *Run) CheckChart(ctx context.Context) (warnings []string, err error) {
	w, desired := r.session.Workspace, r.desired(r.session.Workspace.placeholderImages())
	checked, err := w.checkChart(desired)
	if err == nil && checked.Undecided == nil || !checked.DependsOnCluster() {
		return checked.Warnings, err
	}
	found, running := r.session.capabilities(ctx)
	if !running {
		return checked.Warnings, err
	}
	desired.Cluster = found
	checked, err = w.checkChart(desired)
	return checked.Warnings, err
}

func (w *Workspace) checkChart(d chart.Desired) (chart.Checked, error) {
	graces := func(o unstructured.Unstructured) error {
		_, err := health.Graces{}.Annotated(o.GetAnnotations())
		return err
	}
	checked, err := chart.Check(d, graces)
	if err != nil || checked.Undecided != nil {
		return checked, err
	}
	for _, path := range checked.Unused {
		checked.Warnings = append(checked.Warnings, w.unusedImage(path))
	}
	return checked, w.checkSmokeTest(checked.Rendered)
}

// unusedImage returns the warning for an image that the rendered chart does not use.
func (w *Workspace) unusedImage(path string) string {
	for _, name := range w.Config.ImageNames() {
		if w.Config.Images[name].Values == path {
			return fmt.Sprintf("image %s: the rendered chart does not use it: no template reads %s, or its values turn it off", name, path)
		}
	}
	return ""
}

// checkSmokeTest validates verify.skip and verify.checks with the rendered objects. A
// name in verify.skip may be one of another environment.
func (w *Workspace) checkSmokeTest(rendered chart.Rendered) error {
	derived, hooks := checks.Derive(rendered.Objects, w.Config.Chart.Namespace), rendered.TestHooks()
	var problems []error
	unknown := checks.Unknown(derived, hooks, w.Env.Verify.Skip)
	for _, name := range checks.Unknown(derived, hooks, w.Config.Verify.Skip) {
		if !w.isKnownElsewhere(name) {
			unknown = append(unknown, name)
		}
	}
	for _, name := range unknown {
		problems = append(problems, checks.UnknownName(name, derived, hooks))
	}
	if len(problems) > 0 {
		return fault.New(fault.Config, errors.Join(problems...), "fix verify.skip in tkdeploy.yaml")
	}
	extra, err := smoke.Checks(w.Config.Verify.Checks)
	if err != nil {
		return err
	}
	_, err = checks.Select(derived, extra, w.skippedChecks())
	return err
}

// isKnownElsewhere reports whether the chart of another environment has a check, Service
// or test hook of the name, or cannot be rendered.
func (w *Workspace) isKnownElsewhere(name string) bool {
	for env := range w.Config.Environments {
		if env == w.EnvName {
			continue
		}
		other := *w
		other.EnvName, other.Env = env, w.Config.Environments[env]
		rendered, err := other.Render()
		if err != nil || len(checks.Unknown(checks.Derive(rendered.Objects, w.Config.Chart.Namespace), rendered.TestHooks(), []string{name})) == 0 {
			return true
		}
	}
	return false
}
