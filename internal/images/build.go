package images

import (
	"context"
	"fmt"
	"time"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
	"tkdeploy.dev/tkdeploy/internal/images/prune"
)

// buildMissing builds all missing images in parallel. BuildKit limits its
// parallelism and runs common steps once.
func (b *Builder) buildMissing(ctx context.Context, builds []inputs.Build, reporter event.Reporter) ([]engine.Image, error) {
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
	b.removeLeftovers(ctx)
	var work []func() error
	for _, j := range jobs {
		work = append(work, func() (err error) {
			*j.image, err = b.ensureOne(ctx, reporter, j.build.Name,
				func() (lookupResult, error) { return j.result, nil },
				func(r lookupResult) (string, error) {
					return builtBecause(r.reason), b.build(ctx, sessions, j, reporter)
				})
			return err
		})
	}
	if project := b.options.Project; project != "" {
		work = append(work, func() error {
			if warning := prune.Warning(ctx, b.engine, project); warning != "" {
				reporter.Report(event.Warn(warning))
			}
			return nil
		})
	}
	return images, inParallel(work...)
}

// jobs returns the missing builds. It reports and stores the existing images.
func (b *Builder) jobs(ctx context.Context, builds []inputs.Build, images []engine.Image, reporter event.Reporter) ([]job, error) {
	start, l := time.Now(), b.newLookup()
	var jobs []job
	var snapshots []*inputs.Snapshot
	for i, build := range builds {
		id, r, err := l.build(ctx, build)
		switch {
		case err != nil:
			return nil, err
		case len(id.Absent) > 0:
			return nil, fault.New(fault.Build, fmt.Errorf("build %s: %s", build.Name, r.reason), "")
		case r.image == nil:
			j := job{build: build, identity: id, result: r, image: &images[i]}
			if b.options.NoCache {
				j.rebuild = fmt.Sprintf("%x", start.Unix())
				j.result.ref = id.Ref + "-" + j.rebuild
			}
			jobs = append(jobs, j)
			snapshots = append(snapshots, id.Inputs)
		default:
			images[i] = r.engineImage()
			reporter.Report(event.Finished(build.Name, event.Unchanged, "", time.Since(start), 0))
		}
	}
	if err := l.cache.CheckSnapshots(ctx, snapshots); err != nil {
		return nil, err
	}
	b.hint.Do(func() {
		for _, carried := range inputs.CarriedBy(snapshots, b.options.Configuration) {
			reporter.Report(event.Warn(carried.String()))
		}
	})
	return jobs, nil
}

// build gives the image its tag only after the check that it was built from the
// inputs that the tag names. Until then, the image has a temporary name.
func (b *Builder) build(ctx context.Context, sessions *buildSessions, j job, reporter event.Reporter) error {
	temporary := temporaryRef(j.identity.Ref)
	if err := sessions.solve(ctx, j, temporary, reporter); err != nil {
		return err
	}
	err := j.identity.Inputs.CheckBases(ctx, inputs.NewLookupCache(b.engine))
	if err == nil && j.rebuild != "" {
		err = b.tag(ctx, temporary, j.result.ref) // first, because the other name leads here
	}
	if err == nil {
		err = b.tag(ctx, temporary, j.identity.Ref)
	}
	// The next run retries a failed removal.
	_ = b.untag(context.WithoutCancel(ctx), temporary)
	if err != nil {
		return b.buildError(ctx, j.build.Name, err)
	}
	_ = b.causes.Record(causeName(j.build), j.identity.Ref, j.identity.Inputs.Manifest()) // only the next explanation lacks it
	b.setRebuilt(j.identity.Ref)
	return nil
}
