package deploy

import (
	"time"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

// The IDs of the stages of `tkdeploy up`, in their order.
const (
	StageEngine  = "engine"
	StageBuild   = "build"
	StageCluster = "cluster"
	StageLoad    = "load"
	StageRelease = "release"
	StageRollout = "rollout"
	StageVerify  = "verify"
)

// The IDs of the stages that only other commands have.
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
	Values  []string      // absolute paths of files that override those of tkdeploy.yaml
	Set     []string      // values in the form of helm --set, which override all files
	Timeout time.Duration // for the rollout, and again for the smoke test
	Verify  bool          // run the smoke test

	NoRollback bool // keep a failed revision
	Revision   int  // to roll back to; 0 selects the newest verified one
}

// Run is one turn of the graph of stages on a session. Stages share reads through
// the session and depend on no other stage's result, so each can run alone. The
// exported fields record what the run itself has done.
type Run struct {
	session *Session
	options Options

	// WrittenRevision is the revision that the release stage wrote; 0 if none. A
	// failed run rolls back only its own revision.
	WrittenRevision int

	// PodsReplacedAt is when the rollout of an upgrade or rollback ended; zero if
	// there was none. The smoke test waits until Services drop the old pods.
	PodsReplacedAt time.Time
}

// NewRun returns a run. Create a new one for each turn.
func (s *Session) NewRun(o Options) *Run { return &Run{session: s, options: o} }

func (r *Run) desired(all []engine.Image) chart.Desired {
	d := r.session.Workspace.desired(all)
	d.ValuesFiles = append(d.ValuesFiles, r.options.Values...)
	d.Set = r.options.Set
	return d
}

// CheckChart validates the chart and values before the run changes anything. It
// renders with placeholder image tags, because the real ones are not known yet.
func (r *Run) CheckChart() error {
	return chart.Check(r.desired(r.session.Workspace.placeholderImages()))
}
