package deploy

import (
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/health"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
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
	Timeout time.Duration // for the rollout, and again for the smoke test
	Verify  bool

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

// CheckChart validates the chart and values with placeholder image tags, and the
// annotations that set graces.
func (r *Run) CheckChart() error {
	graces := func(o unstructured.Unstructured) error {
		_, err := health.Graces{}.Annotated(o.GetAnnotations())
		return err
	}
	_, err := chart.Check(r.desired(r.session.Workspace.placeholderImages()), graces)
	return err
}
