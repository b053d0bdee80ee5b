package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/health"
	"tkdeploy.dev/tkdeploy/internal/kubeerr"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/rollout"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// exitCodes maps error classes to exit codes. `tkdeploy help exit-codes` prints it.
var exitCodes = []struct {
	class   fault.Class
	code    int
	meaning string
}{
	{"", 0, "success"},
	{fault.Internal, 1, "internal error"},
	{fault.Usage, 2, "invalid command line"},
	{fault.Config, 3, "tkdeploy.yaml, values or chart are invalid; nothing was changed"},
	{fault.Environment, 4, "a problem with the engine, a port or a disk of this machine"},
	{fault.NotOwned, 5, "refused: the cluster does not belong to this environment"},
	{fault.Locked, 6, "locked by another run"},
	{fault.Build, 10, "an image cannot be built or pulled"},
	{fault.Cluster, 11, "the cluster cannot be created or started"},
	{fault.Load, 12, "an image cannot be loaded into a node"},
	{fault.Apply, 13, "the release cannot be applied"},
	{fault.Unhealthy, 14, "a workload does not become ready"},
	{fault.Smoke, 15, "a smoke check failed"},
	{fault.Rollback, 16, "a rollback is impossible or failed"},
	{fault.Down, 17, "the cluster was not deleted completely"},
	{fault.Inconclusive, 75, "inconclusive: timeout, or the API server is unavailable"},
}

// signals lists the signals that cancel a run. tkdeploy exits with 128 plus their
// number, as shells do.
var signals = []struct {
	signal  syscall.Signal
	meaning string
}{
	{syscall.SIGHUP, "stopped by SIGHUP: the terminal was closed"},
	{syscall.SIGINT, "stopped by SIGINT"},
	{syscall.SIGPIPE, "stopped: the reader of standard output or standard error ended"},
	{syscall.SIGTERM, "stopped by SIGTERM"},
}

// stageClass maps a stage to the default class of its errors.
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
	deploy.StageDown:     fault.Down,
}

// usesAPIServer lists the stages that use little else than the API server: if it did
// not respond, their errors prove nothing.
var usesAPIServer = map[string]bool{
	deploy.StageRelease: true, deploy.StageRollout: true, deploy.StageVerify: true, deploy.StageTarget: true, deploy.StageRollback: true,
}

// Interrupted is the cause of a context that a signal canceled. SIGPIPE stands for
// output without a reader.
type Interrupted struct{ Signal syscall.Signal }

func (i Interrupted) Error() string {
	if i.Signal == syscall.SIGPIPE {
		return "stopped, because the reader of its output ended"
	}
	return "stopped by " + i.Signal.String()
}

// Is reports whether target is context.Canceled, because work that returns the
// cause of its context was canceled and did not fail.
func (i Interrupted) Is(target error) bool { return target == context.Canceled }

// ExitCode returns 128 plus the number of the signal, as shells do.
func (i Interrupted) ExitCode() int { return 128 + int(i.Signal) }

// exitCode returns the exit code for an error. A signal takes precedence over the
// errors it causes, a refused cluster over the failures of stages that ran in parallel,
// a failed rollback over the failure before it, and an earlier stage over a later one.
func exitCode(ctx context.Context, err error) int {
	var signal Interrupted
	switch {
	case err == nil:
		return 0
	case errors.As(context.Cause(ctx), &signal):
		return signal.ExitCode()
	}
	class := classOf(err)
	for _, e := range failures(err) {
		if c := classOf(e); c == fault.Rollback || c == fault.NotOwned {
			class = c
		}
	}
	for _, row := range exitCodes {
		if row.class == class {
			return row.code
		}
	}
	return 1 // an unknown class is an internal error
}

// failures returns each failure of a run. A stage may have several, such as builds
// with different causes.
func failures(err error) []error {
	var all []error
	for _, e := range fault.Split(err) {
		stage, ok := e.(*plan.StageError) //nolint:errorlint // only the outermost error
		if !ok {
			all = append(all, e)
			continue
		}
		for _, cause := range fault.Split(stage.Err) {
			all = append(all, &plan.StageError{Stage: stage.Stage, Err: cause})
		}
	}
	return all
}

// classOf returns the class of the first failure that has one.
func classOf(err error) fault.Class {
	for _, e := range failures(err) {
		if class := classOfFailure(e); class != fault.Internal {
			return class
		}
	}
	return fault.Internal
}

// mutating are the stages during which something may have changed. A configuration that
// turns out to be invalid only there, for example because a file has changed since its
// check, is not fault.Config: that means that nothing was changed. Stage build is not
// among them: it finds a credential before it builds.
var mutating = []string{deploy.StageCluster, deploy.StageLoad, deploy.StageRelease, deploy.StageRollout, deploy.StageVerify}

func classOfFailure(err error) fault.Class {
	var stage *plan.StageError
	inStage := errors.As(err, &stage)
	class := fault.ClassOf(err)
	switch {
	case class == fault.Config && inStage && slices.Contains(mutating, stage.Stage):
		return stageClass[stage.Stage]
	case class != "":
		return class
	case (!inStage || usesAPIServer[stage.Stage]) && kubeerr.IsUnavailable(err):
		return fault.Inconclusive
	case inStage:
		return cmp.Or(stageClass[stage.Stage], fault.Internal)
	}
	return fault.Internal
}

func exitCodesHelp() string {
	var b strings.Builder
	for _, row := range exitCodeRows() {
		fmt.Fprintf(&b, "%5s  %s\n", row[0], row[1])
	}
	return b.String()
}

func exitCodeRows() [][2]string {
	var rows [][2]string
	for _, row := range exitCodes {
		rows = append(rows, [2]string{fmt.Sprint(row.code), row.meaning})
	}
	for _, row := range signals {
		rows = append(rows, [2]string{fmt.Sprint(Interrupted{row.signal}.ExitCode()), row.meaning})
	}
	return rows
}

// explain formats each failure in err with its hint.
func explain(ctx context.Context, err error) string {
	var signal Interrupted
	if errors.As(context.Cause(ctx), &signal) {
		return "tkdeploy: " + signal.Error() + "; run the command again to resume\n"
	}
	return explainFailures(err)
}

func explainFailures(err error) string {
	var b strings.Builder
	for _, e := range failures(err) {
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

// abridged is an error whose text of several lines was shown before.
type abridged struct{ err error }

func (a abridged) Error() string { return text.FirstLine(a.err.Error()) + " (see its output above)" }

func (a abridged) Unwrap() error { return a.err }

// abridge shortens the errors in err that were shown before.
func abridge(err error, shown func(error) bool) error {
	var all []error
	for _, e := range failures(err) {
		if shown(e) && strings.Contains(e.Error(), "\n") {
			e = abridged{e}
		}
		all = append(all, e)
	}
	return errors.Join(all...)
}

// details returns the causes of workloads that did not become ready.
func details(err error) []string {
	var failure *rollout.Failure
	if !errors.As(err, &failure) {
		return nil
	}
	var lines []string
	for _, cause := range failure.Causes {
		lines = append(lines, health.FormatCause(cause, failure.Kubectl)...)
	}
	return lines
}
