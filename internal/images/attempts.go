package images

import (
	"context"
	"errors"
	"fmt"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

// buildAttempts is how often images are built if their files change during the build.
const buildAttempts = 3

// ensureBuilds makes the images available. If an input changes during a build, it
// starts again with all images, because a run deploys one state of the checkout.
func (b *Builder) ensureBuilds(ctx context.Context, builds []inputs.Build, reporter event.Reporter) ([]engine.Image, error) {
	retrying := &retryReporter{next: reporter, finished: map[string]bool{}}
	for attempt := 1; ; attempt++ {
		retrying.last = attempt == buildAttempts
		images, err := b.buildMissing(ctx, builds, event.Synchronized(retrying))
		if retrying.last || ctx.Err() != nil || !onlyChanges(err) {
			return images, explainChanges(err, attempt)
		}
	}
}

// retryReporter reports a build that is tried again as progress, and an image that
// needs no second build once.
type retryReporter struct {
	next     event.Reporter
	last     bool
	finished map[string]bool
}

// Report implements [event.Reporter].
func (r *retryReporter) Report(e event.Event) {
	if e.Kind == event.ItemFinished {
		switch {
		case onlyChanges(e.Err) && !r.last:
			e = event.Progress(e.Item, "build again: "+e.Err.Error())
		case e.Outcome == event.Unchanged && r.finished[e.Item]:
			return
		default:
			r.finished[e.Item] = true
		}
	}
	r.next.Report(e)
}

// onlyChanges reports whether each failure is a changed input.
func onlyChanges(err error) bool {
	all := fault.Split(err)
	for _, e := range all {
		var changed *inputs.ChangedError
		if !errors.As(e, &changed) {
			return false
		}
	}
	return len(all) > 0
}

// explainChanges adds a hint to the errors of changed inputs. attempt may be less than
// buildAttempts, because another failure or a signal ends the attempts.
func explainChanges(err error, attempt int) error {
	var explained []error
	for _, e := range fault.Split(err) {
		var changed *inputs.ChangedError
		if errors.As(e, &changed) {
			hint := "run tkdeploy again"
			if attempt > 1 {
				e = fmt.Errorf("%w, %d times", e, attempt)
			}
			if attempt == buildAttempts && changed.IgnoreFile != "" {
				hint = "stop what writes to it or, if the image does not need it, list it in " + changed.IgnoreFile
			}
			e = fault.New(fault.Build, e, hint)
		}
		explained = append(explained, e)
	}
	return errors.Join(explained...)
}
