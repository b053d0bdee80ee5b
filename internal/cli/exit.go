package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// An exitStatus is one row of the table that maps errors to exit statuses.
type exitStatus struct {
	class   fault.Class
	status  int
	meaning string
}

// exitStatuses is the only place that knows the exit statuses. It is printed by
// `tkdeploy help exit-status`.
var exitStatuses = []exitStatus{
	{"", 0, "ok"},
	{fault.Internal, 1, "internal error"},
	{fault.Usage, 2, "wrong command line"},
	{fault.Config, 3, "tkdeploy.yaml, values or chart are wrong; nothing was touched"},
	{fault.Environment, 4, "the engine, a port or the disk of this machine"},
	{fault.NotOwned, 5, "refused: not a cluster of ours"},
	{fault.Locked, 6, "another run is at work"},
	{fault.Build, 10, "an image cannot be built or had"},
	{fault.Cluster, 11, "the cluster cannot be created or started"},
	{fault.Load, 12, "an image cannot be loaded into a node"},
	{fault.Apply, 13, "the release cannot be applied"},
	{fault.Unhealthy, 14, "a workload does not come up"},
	{fault.Smoke, 15, "a smoke check failed"},
	{fault.Rollback, 16, "rollback is impossible or failed"},
	{fault.Down, 17, "something is left after down"},
	{fault.Inconclusive, 75, "undecided: a timeout, or the API server is away"},
}

// stageClass is the class of a stage's error that has none of its own.
var stageClass = map[string]fault.Class{
	deploy.StageEngine:   fault.Environment,
	deploy.StageBuild:    fault.Build,
	deploy.StageCluster:  fault.Cluster,
	deploy.StageLoad:     fault.Load,
	deploy.StageRelease:  fault.Apply,
	deploy.StageRollout:  fault.Unhealthy,
	deploy.StageVerify:   fault.Smoke,
	deploy.StageTarget:   fault.Rollback,
	deploy.StageRollback: fault.Rollback,
}

// Interrupted is the cause of a context that a signal ended.
type Interrupted struct{ Signal syscall.Signal }

func (i Interrupted) Error() string { return "stopped by " + i.Signal.String() }

// Is makes it a cancellation: work that returns the cause of its context's end
// was canceled, and did not fail.
func (i Interrupted) Is(target error) bool { return target == context.Canceled }

// ExitStatus is 128 plus the signal's number, as shells have it.
func (i Interrupted) ExitStatus() int { return 128 + int(i.Signal) }

// exitCode gives the exit status for the outcome of a command. A signal wins
// over what it made fail, and a failed rollback over what it was to take back;
// else of several failures the one of the earliest stage counts.
func exitCode(ctx context.Context, err error) int {
	var signal Interrupted
	switch {
	case err == nil:
		return 0
	case errors.As(context.Cause(ctx), &signal):
		return signal.ExitStatus()
	}
	class := classOf(err)
	for _, e := range deploy.Failures(err) {
		if classOf(e) == fault.Rollback {
			class = fault.Rollback
		}
	}
	i := slices.IndexFunc(exitStatuses, func(s exitStatus) bool { return s.class == class })
	return exitStatuses[max(i, 1)].status // an unknown class is an internal error
}

// classOf is the class of the first failure that has one.
func classOf(err error) fault.Class {
	for _, e := range deploy.Failures(err) {
		if class := classOfOne(e); class != fault.Internal {
			return class
		}
	}
	return fault.Internal
}

func classOfOne(err error) fault.Class {
	if class := fault.ClassOf(err); class != "" {
		return class
	}
	var stage *plan.StageError
	if errors.As(err, &stage) {
		return stageClass[stage.Stage]
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fault.Inconclusive
	}
	return fault.Internal
}

// explain is what a person is told of an error: each failure once, what was
// tried and its cause, and what to do next.
func explain(ctx context.Context, err error) string {
	var signal Interrupted
	if errors.As(context.Cause(ctx), &signal) {
		return "tkdeploy: " + signal.Error() + "; the next run goes on from here\n"
	}
	return explainFailures(err)
}

func explainFailures(err error) string {
	var b strings.Builder
	for _, e := range deploy.Failures(err) {
		fmt.Fprintf(&b, "tkdeploy: error: %s\n", text.Indent(e.Error(), "  "))
		for _, line := range details(e) {
			fmt.Fprintf(&b, "  %s\n", line)
		}
		if hint := fault.HintOf(e); hint != "" {
			fmt.Fprintf(&b, "tkdeploy: hint: %s\n", text.Indent(hint, "  "))
		}
	}
	return b.String()
}

func exitStatusHelp() string {
	var b strings.Builder
	for _, s := range exitStatuses {
		fmt.Fprintf(&b, "%5d  %s\n", s.status, s.meaning)
	}
	b.WriteString("  130  stopped by SIGINT\n  143  stopped by SIGTERM\n")
	return b.String()
}
