package images

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/docker/docker/api/types/image"
	bk "github.com/moby/buildkit/client"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

// solve runs one build. The exporter tags last, so a failed build changes no
// tag.
func (s *buildSessions) solve(ctx context.Context, j job, reporter event.Reporter) error {
	session := s.sessions[sessionKeyFor(j.build)]
	progress := newProgress(j.build.Name, masker(session.secrets), reporter)
	statuses := make(chan *bk.SolveStatus)
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		for status := range statuses {
			progress.update(status)
		}
	}()
	_, err := s.buildkit.Solve(ctx, nil, bk.SolveOpt{
		Frontend:              "dockerfile.v0",
		FrontendAttrs:         frontendAttrs(j),
		Exports:               []bk.ExportEntry{{Type: "moby", Attrs: map[string]string{"name": j.identity.Ref}}},
		SharedSession:         session.session,
		SessionPreInitialized: true,
	}, statuses)
	<-followed
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.builder.buildError(ctx, j.build.Name, progress.explain(err))
}

// frontendAttrs requests no attestations, which would change the digest of a
// cached build (moby#48391).
func frontendAttrs(j job) map[string]string {
	build := j.build
	attrs := map[string]string{
		"filename":                    filepath.Base(build.DockerfilePath()),
		"image-resolve-mode":          "local", // query no registry
		"label:" + inputs.LabelInputs: j.identity.Hash,
		"label:" + inputs.LabelName:   build.Name,
	}
	for arg, value := range build.AllArgs() {
		attrs["build-arg:"+arg] = value
	}
	if build.Target != "" {
		attrs["target"] = build.Target
	}
	if build.Platform != "" {
		attrs["platform"] = build.Platform
	}
	return attrs
}

func (b *Builder) buildError(ctx context.Context, name string, err error) error {
	return fault.New(fault.Build, fmt.Errorf("build %s: %w", name, err), b.diskHint(ctx, err))
}

func (b *Builder) untag(ctx context.Context, ref string) error {
	_, err := b.engine.API().ImageRemove(ctx, ref, image.RemoveOptions{})
	return err
}

// masker masks secrets in build output. It skips lines under six bytes, which
// would garble the output.
func masker(secrets map[string][]byte) func(string) string {
	var pairs []string
	for _, value := range secrets {
		for line := range strings.Lines(string(value)) {
			if line = strings.TrimSpace(line); len(line) >= 6 {
				pairs = append(pairs, line, "***")
			}
		}
	}
	return strings.NewReplacer(pairs...).Replace
}
