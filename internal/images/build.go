package images

import (
	"context"
	"fmt"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// A job is a build whose image is not there yet.
type job struct {
	build    Build
	identity identity
	finding  finding
	image    *Image // what comes of it
}

// buildAll builds what is missing, all at once: BuildKit does the steps that
// builds share only once and bounds its own parallelism.
func (e *Engine) buildAll(ctx context.Context, builds []Build, reporter event.Reporter) ([]Image, error) {
	images := make([]Image, len(builds))
	jobs, err := e.jobs(ctx, builds, images, reporter)
	if err != nil || len(jobs) == 0 {
		return images, err
	}
	workshop, err := e.openWorkshop(ctx, jobs)
	if err != nil {
		return nil, err
	}
	defer workshop.close()
	var work []func() error
	for _, j := range jobs {
		work = append(work, func() (err error) {
			*j.image, err = e.item(ctx, reporter, j.build.Name,
				func() (finding, error) { return j.finding, nil },
				func(finding) (string, error) { return "built", e.build(ctx, workshop, j, reporter) })
			return err
		})
	}
	return images, sideBySide(work...)
}

// jobs finds the builds that are needed. It reports those that are not, and puts
// their images into their places.
func (e *Engine) jobs(ctx context.Context, builds []Build, images []Image, reporter event.Reporter) ([]job, error) {
	start, v := time.Now(), e.look()
	var jobs []job
	for i, b := range builds {
		id, f, err := v.build(ctx, b)
		switch {
		case err != nil:
			return nil, err
		case len(id.absent) > 0:
			return nil, fault.New(fault.Build, fmt.Errorf("build %s: %s", b.Name, f.cause), "")
		case f.image == nil:
			jobs = append(jobs, job{build: b, identity: id, finding: f, image: &images[i]})
		default:
			images[i] = f.resolved()
			reporter.Report(event.Finished(b.Name, event.Unchanged, "", time.Since(start), 0))
		}
	}
	return jobs, nil
}

// build makes the image and looks at its inputs again: if they changed during
// the build, the tag would lie and is taken back.
func (e *Engine) build(ctx context.Context, w *workshop, j job, reporter event.Reporter) error {
	if err := w.solve(ctx, j, reporter); err != nil {
		return err
	}
	after, err := e.look().identify(ctx, j.build)
	if err == nil && after.hash == j.identity.hash {
		return nil
	}
	return e.takeBack(ctx, j, err)
}

func (e *Engine) takeBack(ctx context.Context, j job, cause error) error {
	if cause == nil {
		cause = fmt.Errorf("its files changed during the build")
	}
	err := fault.New(fault.Build, fmt.Errorf("build %s: %w", j.build.Name, cause), "run it again")
	if untagErr := e.untag(context.WithoutCancel(ctx), j.identity.ref); untagErr != nil {
		return fmt.Errorf("%w; and the image %s cannot be removed: %w", err, j.identity.ref, untagErr)
	}
	return err
}
