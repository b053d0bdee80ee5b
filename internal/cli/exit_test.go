package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"syscall"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/plan"
)

func TestExitCode(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		err  error
		want int
	}{
		"no error":                              {nil, 0},
		"error without a class":                 {broken, 1},
		"class":                                 {fault.New(fault.Config, broken, ""), 3},
		"wrapped class":                         {fmt.Errorf("up: %w", fault.New(fault.NotOwned, broken, "")), 5},
		"class of the stage":                    {&plan.StageError{Stage: deploy.StageBuild, Err: broken}, 10},
		"class takes precedence over the stage": {&plan.StageError{Stage: deploy.StageVerify, Err: fault.New(fault.Inconclusive, broken, "")}, 75},
		"configuration that has become invalid after changes": {&plan.StageError{Stage: deploy.StageRelease, Err: fault.New(fault.Config, broken, "")}, 13},
		"configuration that is invalid before changes":        {&plan.StageError{Stage: deploy.StageEngine, Err: fault.New(fault.Config, broken, "")}, 3},
		"class of stage down":                                 {&plan.StageError{Stage: deploy.StageDown, Err: broken}, 17},
		"stage without a class":                               {&plan.StageError{Stage: "other", Err: broken}, 1},
		"earliest of two stages":                              {errors.Join(&plan.StageError{Stage: deploy.StageBuild, Err: broken}, &plan.StageError{Stage: deploy.StageCluster, Err: broken}), 10},
		"failed rollback takes precedence over the failure before it": {
			errors.Join(&plan.StageError{Stage: deploy.StageVerify, Err: fault.New(fault.Smoke, broken, "")}, fault.New(fault.Rollback, fault.New(fault.Inconclusive, broken, ""), "")), 16},
		"refused cluster takes precedence over a failed build": {
			errors.Join(&plan.StageError{Stage: deploy.StageBuild, Err: broken}, &plan.StageError{Stage: deploy.StageCluster, Err: fault.New(fault.NotOwned, broken, "")}), 5},
		"report that cannot be written": {errors.Join(nil, fault.New(fault.Environment, broken, "")), 4},
		"stage before such a report":    {errors.Join(errors.Join(&plan.StageError{Stage: deploy.StageBuild, Err: broken}), fault.New(fault.Environment, broken, "")), 10},
		"deadline is inconclusive":      {fmt.Errorf("wait: %w", context.DeadlineExceeded), 75},
		"deadline in the rollout":       {&plan.StageError{Stage: deploy.StageRollout, Err: context.DeadlineExceeded}, 75},
		"API server away in the rollout": {
			&plan.StageError{Stage: deploy.StageRollout, Err: fmt.Errorf("read: %w", &url.Error{Op: "Get", Err: syscall.ECONNREFUSED})}, 75},
		"API server away in a command":          {fmt.Errorf("read: %w", &url.Error{Op: "Get", Err: syscall.ECONNREFUSED}), 75},
		"registry that is away in the build":    {&plan.StageError{Stage: deploy.StageBuild, Err: &url.Error{Op: "Get", Err: syscall.ECONNREFUSED}}, 10},
		"denied request of the release's stage": {&plan.StageError{Stage: deploy.StageRelease, Err: apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "db", nil)}, 13},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := exitCode(t.Context(), test.err); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestExitCode_signal(t *testing.T) {
	t.Parallel()
	for signal, want := range map[syscall.Signal]int{syscall.SIGHUP: 129, syscall.SIGINT: 130, syscall.SIGPIPE: 141, syscall.SIGTERM: 143} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(Interrupted{signal})
		err := fault.New(fault.Build, errors.New("solve: canceled"), "check the Dockerfile")
		if got := exitCode(ctx, err); got != want {
			t.Errorf("%s: got %d, want %d", signal, got, want)
		}
		if got := explain(ctx, err); strings.Contains(got, "error") {
			t.Errorf("got an error after a signal: %q", got)
		}
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for _, row := range exitCodes {
		if seen[row.code] {
			t.Errorf("got exit code %d twice", row.code)
		}
		seen[row.code] = true
		if !strings.Contains(exitCodesHelp(), row.meaning) {
			t.Errorf("got help without %q", row.meaning)
		}
	}
	run := deploy.NewSession(&deploy.Workspace{}).NewRun(deploy.Options{Verify: true})
	p, err := run.UpPlan()
	if err != nil {
		t.Fatal(err)
	}
	rollback, err := run.RollbackPlan()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range append(p.IDs(), rollback.IDs()...) {
		if stageClass[id] == "" {
			t.Errorf("got no class for stage %s", id)
		}
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	stages := errors.Join(
		&plan.StageError{Stage: deploy.StageBuild, Err: fault.New(fault.Build, errors.New("build web: exit 1\nline two"), "")},
		&plan.StageError{Stage: deploy.StageCluster, Err: fault.New(fault.Environment, errors.New("port 4000 is taken"), "free it\nor take another")},
	)
	err := errors.Join(stages, nil) // the shape that a run returns
	want := `tkdeploy: error: build web: exit 1
  line two
tkdeploy: error: port 4000 is taken
tkdeploy: hint: free it
  or take another
`
	if got := explain(t.Context(), err); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestExplain_stageWithTwoFailures(t *testing.T) {
	t.Parallel()
	err := &plan.StageError{Stage: deploy.StageBuild, Err: errors.Join(
		fault.New(fault.Build, errors.New("build auth: exit code 1"), ""),
		errors.Join(fault.New(fault.Config, errors.New("build web: secret token: TOKEN is not set"), "set it")),
	)}
	want := `tkdeploy: error: build auth: exit code 1
tkdeploy: error: build web: secret token: TOKEN is not set
tkdeploy: hint: set it
`
	if got := explain(t.Context(), errors.Join(err)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := exitCode(t.Context(), err); got != 10 {
		t.Errorf("got exit code %d, want that of the first failure, 10", got)
	}
}

func TestAbridge(t *testing.T) {
	t.Parallel()
	long := fault.New(fault.Build, errors.New("build web: RUN go build: exit code: 1\n    main.go:7: undefined: x"), "fix it")
	short := fault.New(fault.Build, errors.New("get image db:1: not present"), "")
	other := errors.New("not shown\nof two lines")
	failed := func(e error) error { return &plan.StageError{Stage: deploy.StageBuild, Err: e} }
	err := abridge(failed(errors.Join(long, short, other)), func(e error) bool { return errors.Is(e, long) || errors.Is(e, short) })
	want := "build web: RUN go build: exit code: 1 … (see its output above)\nget image db:1: not present\nnot shown\nof two lines"
	if err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if got := exitCode(t.Context(), err); got != 10 {
		t.Errorf("got exit code %d, want 10", got)
	}
	if got := explainFailures(err); !strings.Contains(got, "hint: fix it") {
		t.Errorf("got %s, want the hint", got)
	}
	if err := abridge(nil, func(error) bool { return true }); err != nil {
		t.Errorf("got %v, want no error", err)
	}
}
