package images

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

// ensureBuilds builds all missing images in parallel. BuildKit limits its
// parallelism and runs common steps once.
func (b *Builder) ensureBuilds(ctx context.Context, builds []inputs.Build, reporter event.Reporter) ([]engine.Image, error) {
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
				func() (lookupResult, error) { return j.result, nil },
				func(lookupResult) (string, error) { return "built", b.build(ctx, sessions, j, reporter) })
			return err
		})
	}
	return images, inParallel(work...)
}

// jobs returns the missing builds. It reports and stores the existing images.
func (b *Builder) jobs(ctx context.Context, builds []inputs.Build, images []engine.Image, reporter event.Reporter) ([]job, error) {
	start, l := time.Now(), b.newLookup()
	var jobs []job
	for i, build := range builds {
		id, r, err := l.build(ctx, build)
		switch {
		case err != nil:
			return nil, err
		case len(id.Absent) > 0:
			return nil, fault.New(fault.Build, fmt.Errorf("build %s: %s", build.Name, r.reason), "")
		case r.image == nil:
			jobs = append(jobs, job{build: build, identity: id, result: r, image: &images[i]})
		default:
			images[i] = r.engineImage()
			reporter.Report(event.Finished(build.Name, event.Unchanged, "", time.Since(start), 0))
		}
	}
	return jobs, nil
}

// build fails and removes the tag if the inputs changed during the build.
func (b *Builder) build(ctx context.Context, sessions *buildSessions, j job, reporter event.Reporter) error {
	if err := sessions.solve(ctx, j, reporter); err != nil {
		return err
	}
	after, err := inputs.NewLookupCache(b.engine).Identify(ctx, j.build)
	if err == nil && after.Hash == j.identity.Hash {
		return nil
	}
	return b.discard(ctx, j, err)
}

func (b *Builder) discard(ctx context.Context, j job, cause error) error {
	if cause == nil {
		cause = errors.New("inputs changed during the build")
	}
	err := fault.New(fault.Build, fmt.Errorf("build %s: %w", j.build.Name, cause), "run tkdeploy again")
	if untagErr := b.untag(context.WithoutCancel(ctx), j.identity.Ref); untagErr != nil {
		return fmt.Errorf("%w; removing image %s also failed: %w", err, j.identity.Ref, untagErr)
	}
	return err
}
