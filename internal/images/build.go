package images

import (
	"context"
	"fmt"
	"time"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

// buildAll builds what is missing, all at once: BuildKit does the steps that
// builds share only once and bounds its own parallelism.
func (b *Builder) buildAll(ctx context.Context, builds []inputs.Build, reporter event.Reporter) ([]engine.Image, error) {
	images := make([]engine.Image, len(builds))
	jobs, err := b.jobs(ctx, builds, images, reporter)
	if err != nil || len(jobs) == 0 {
		return images, err
	}
	sessions, err := b.openSessions(ctx, jobs)
	if err != nil {
		return nil, err
	}
	defer sessions.close()
	var work []func() error
	for _, j := range jobs {
		work = append(work, func() (err error) {
			*j.image, err = b.ensureOne(ctx, reporter, j.build.Name,
				func() (lookupResult, error) { return j.finding, nil },
				func(lookupResult) (string, error) { return "built", b.build(ctx, sessions, j, reporter) })
			return err
		})
	}
	return images, sideBySide(work...)
}

// jobs finds the builds that are needed. It reports those that are not, and puts
// their images into their places.
func (b *Builder) jobs(ctx context.Context, builds []inputs.Build, images []engine.Image, reporter event.Reporter) ([]job, error) {
	start, l := time.Now(), b.newLookup()
	var jobs []job
	for i, build := range builds {
		id, f, err := l.build(ctx, build)
		switch {
		case err != nil:
			return nil, err
		case len(id.Absent) > 0:
			return nil, fault.New(fault.Build, fmt.Errorf("build %s: %s", build.Name, f.cause), "")
		case f.image == nil:
			jobs = append(jobs, job{build: build, identity: id, finding: f, image: &images[i]})
		default:
			images[i] = f.resolved()
			reporter.Report(event.Finished(build.Name, event.Unchanged, "", time.Since(start), 0))
		}
	}
	return jobs, nil
}

// build makes the image and looks at its inputs again: if they changed during
// the build, the tag would lie and is taken back.
func (b *Builder) build(ctx context.Context, w *buildSessions, j job, reporter event.Reporter) error {
	if err := w.solve(ctx, j, reporter); err != nil {
		return err
	}
	after, err := inputs.NewLookupCache(b.engine).Identify(ctx, j.build)
	if err == nil && after.Hash == j.identity.Hash {
		return nil
	}
	return b.takeBack(ctx, j, err)
}

func (b *Builder) takeBack(ctx context.Context, j job, cause error) error {
	if cause == nil {
		cause = fmt.Errorf("its files changed during the build")
	}
	err := fault.New(fault.Build, fmt.Errorf("build %s: %w", j.build.Name, cause), "run it again")
	if untagErr := b.untag(context.WithoutCancel(ctx), j.identity.Ref); untagErr != nil {
		return fmt.Errorf("%w; and the image %s cannot be removed: %w", err, j.identity.Ref, untagErr)
	}
	return err
}
