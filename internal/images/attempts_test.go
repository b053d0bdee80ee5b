package images

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

var errChanged = fault.New(fault.Build, fmt.Errorf("build web: %w", &inputs.ChangedError{Input: "/src/web/dev.log", IgnoreFile: "/src/web/.dockerignore"}), "")

func finished(item string, outcome event.Outcome, err error) event.Event {
	e := event.Finished(item, outcome, "", 0, 0)
	e.Err = err
	return e
}

func TestRetryReporter_Report(t *testing.T) {
	t.Parallel()
	var log enginetest.EventLog
	r := &retryReporter{next: &log, finished: map[string]bool{}}
	r.Report(finished("auth", event.Done, nil))
	r.Report(finished("video", event.Unchanged, nil))
	r.Report(finished("web", event.Failed, errChanged))
	r.last = true
	r.Report(finished("auth", event.Unchanged, nil))
	r.Report(finished("video", event.Unchanged, nil))
	r.Report(finished("web", event.Failed, errChanged))
	if got := log.Outcomes(); got != "auth=done+0 video=unchanged+0 web=failed+0" {
		t.Errorf("got %s, want each image once", got)
	}
	if got := log.Messages(event.ItemProgress); got != "build again: build web: /src/web/dev.log changed during the build" {
		t.Errorf("got progress %q", got)
	}
}

func TestOnlyChanges(t *testing.T) {
	t.Parallel()
	other := errors.New("exit code 1")
	for _, test := range []struct {
		err  error
		want bool
	}{{nil, false}, {errChanged, true}, {errors.Join(errChanged, errChanged), true}, {errors.Join(errChanged, other), false}, {other, false}} {
		if got := onlyChanges(test.err); got != test.want {
			t.Errorf("%v: got %t, want %t", test.err, got, test.want)
		}
	}
}

func TestExplainChanges(t *testing.T) {
	t.Parallel()
	err := explainChanges(errors.Join(errChanged), buildAttempts)
	if got := fault.Split(err)[0]; fault.ClassOf(got) != fault.Build || !strings.Contains(got.Error(), "/src/web/dev.log changed during the build, 3 times") ||
		!strings.Contains(fault.HintOf(got), "list it in /src/web/.dockerignore") {
		t.Errorf("got %v with hint %q, want the file and its ignore file", got, fault.HintOf(got))
	}
	err = explainChanges(errors.Join(errChanged, errors.New("exit code 1")), 1)
	if got := fault.Split(err)[0]; strings.Contains(got.Error(), "times") || !strings.Contains(fault.HintOf(got), "run tkdeploy again") {
		t.Errorf("got %v with hint %q, want no count and another run", got, fault.HintOf(got))
	}
	if err := explainChanges(nil, 1); err != nil {
		t.Errorf("got %v, want no error", err)
	}
}
