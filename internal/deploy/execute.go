package deploy

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/plan"
)

// Execution runs a plan under locks and reports its events.
type Execution struct {
	Plan     plan.Plan
	Locks    *Locks          // nil locks nothing
	Recovery RecoveryPlanner // nil disables recovery
	Reporter event.Reporter
	Recorder Recorder // nil records nothing

	// ExitCode returns the exit code that run.finished reports.
	ExitCode func(context.Context, error) int

	// WriteReports writes the reports of a run that ends with finished. Its error
	// counts as one of the run, and it is then called again. nil writes nothing.
	WriteReports func(finished event.Event) error
}

// Recorder collects a support bundle if a run fails.
type Recorder interface {
	event.Reporter

	// Collect is called if the run fails, with the locks held and before any
	// rollback.
	Collect(ctx context.Context, failure error, runner *plan.Runner)

	// Finish is called before run.finished. It returns the directory of the bundle,
	// or "" if there is none.
	Finish(ctx context.Context, failure error, rolledBack bool, runner *plan.Runner) string
}

// Run runs the plan. It always reports run.finished.
func (x Execution) Run(ctx context.Context) error {
	if x.Recorder == nil {
		x.Recorder = noRecorder{event.Discard}
	}
	if x.WriteReports == nil {
		x.WriteReports = func(event.Event) error { return nil }
	}
	runner := &plan.Runner{Reporter: event.Tee(x.Reporter, x.Recorder)}
	start := runner.Time()
	stopWarning := warnOnSignal(ctx, runner)
	rolledBack, err := x.runLocked(ctx, runner)
	stopWarning()
	finished := event.Event{Kind: event.RunFinished, Start: start, Elapsed: runner.Time().Sub(start), RolledBack: rolledBack}
	var stage *plan.StageError
	if fault.ClassOf(err) == fault.Locked || !errors.As(err, &stage) {
		finished.Err = err // no stage reports it
	}
	finished.Diagnostics = x.Recorder.Finish(ctx, err, rolledBack, runner)
	finished.Time = runner.Time()
	x.setOutcome(ctx, &finished, err)
	if unwritten := x.WriteReports(finished); unwritten != nil {
		err = errors.Join(err, unwritten)
		finished.Err = cmp.Or(finished.Err, unwritten)
		x.setOutcome(ctx, &finished, err)
		_ = x.WriteReports(finished) // those that can be written
	}
	runner.Emit(finished)
	return err
}

func (x Execution) setOutcome(ctx context.Context, finished *event.Event, err error) {
	finished.Exit = x.ExitCode(ctx, err)
	switch {
	case err == nil: // a signal after the last stage changes nothing
		finished.Outcome = event.Done
	case ctx.Err() != nil:
		finished.Outcome = event.Canceled
	default:
		finished.Outcome = event.Failed
	}
}

// runLocked runs the plan while holding the locks. If a lock is not available or is
// lost, it returns only that error: any other failure is a consequence.
func (x Execution) runLocked(ctx context.Context, runner *plan.Runner) (rolledBack bool, err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if err := x.Locks.acquire(ctx, stop, runner); err != nil {
		return false, errors.Join(runner.Run(ctx, plan.Plan{}), err)
	}
	defer x.Locks.release(ctx)
	err = runner.Run(ctx, x.Locks.guard(x.Plan))
	if err != nil {
		x.Recorder.Collect(ctx, err, runner)
		if x.Recovery != nil {
			rolledBack, err = recoverFrom(ctx, runner, x.Recovery, err)
		}
	}
	if cause := context.Cause(ctx); fault.ClassOf(cause) == fault.Locked {
		return rolledBack, cause
	}
	return rolledBack, err
}

// guard returns the plan with the locks on the cluster: shared from the first stage
// that uses it, exclusive while the cluster stage applies. The Lease is acquired at
// the end of the cluster stage, or before any other stage that uses the cluster. Load
// needs no Lease after a cluster stage: that stage has acquired it, or no other run
// knows the nodes. The down stage locks for itself.
func (l *Locks) guard(p plan.Plan) plan.Plan {
	if l == nil {
		return p
	}
	return p.Map(func(s plan.Stage) plan.Stage {
		switch s.ID {
		case StageEngine, StageBuild, StageDown:
			return s
		case StageCluster:
			return l.guardCluster(s)
		}
		if slices.Contains(p.IDs(), StageCluster) {
			if s.ID == StageLoad {
				return s
			}
			return beforeObserve(s, l.acquireLease)
		}
		return beforeObserve(s, l.shareStarted, l.acquireLease)
	})
}

func beforeObserve(s plan.Stage, locks ...func(context.Context) error) plan.Stage {
	observe := s.Observe
	s.Observe = func(ctx context.Context) (plan.Observation, error) {
		for _, acquire := range locks {
			if err := acquire(ctx); err != nil {
				return plan.Observation{}, err
			}
		}
		return observe(ctx)
	}
	return s
}

// shareStarted checks that the cluster is owned and started, because no stage of the plan
// does.
func (l *Locks) shareStarted(ctx context.Context) error {
	if err := l.share(ctx); err != nil {
		return err
	}
	return l.session.requireStarted(ctx)
}

func (l *Locks) guardCluster(s plan.Stage) plan.Stage {
	observe, apply := s.Observe, s.Apply
	s.Observe = func(ctx context.Context) (plan.Observation, error) {
		if err := l.share(ctx); err != nil {
			return plan.Observation{}, err
		}
		observed, err := observe(ctx)
		if err == nil && observed.State == plan.Satisfied {
			err = l.acquireLease(ctx)
		}
		return observed, err
	}
	if apply != nil {
		s.Apply = func(ctx context.Context, reporter event.Reporter) error {
			if err := l.ensure(ctx, observe, func() error { return apply(ctx, reporter) }); err != nil {
				return err
			}
			return l.acquireLease(ctx)
		}
	}
	return s
}

// warnOnSignal warns if a signal cancels the run, because its stages may need time
// to stop.
func warnOnSignal(ctx context.Context, runner *plan.Runner) (end func()) {
	stop, warned := func() bool { return true }, make(chan struct{})
	runner.Reporter = event.Tee(runner.Reporter, event.ReporterFunc(func(e event.Event) {
		if e.Kind != event.RunStarted {
			return
		}
		stop = context.AfterFunc(ctx, func() {
			defer close(warned)
			runner.Emit(event.Warn("shutting down; interrupt again to exit immediately"))
		})
	}))
	return func() {
		if !stop() {
			<-warned
		}
	}
}

type noRecorder struct{ event.Reporter }

func (noRecorder) Collect(context.Context, error, *plan.Runner) {}

func (noRecorder) Finish(context.Context, error, bool, *plan.Runner) string { return "" }
