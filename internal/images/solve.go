package images

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	bk "github.com/moby/buildkit/client"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/images/frontend"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

// solve runs one build and exports it as ref. If an input cannot be sent as it was
// hashed, it returns that error.
func (s *buildSessions) solve(ctx context.Context, j job, ref string, reporter event.Reporter) error {
	session := s.sessions[sessionKeyFor(j.build)]
	solveCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(session.inputs, cancel)() //nolint:contextcheck // ends with the inputs of the session
	progress := newProgress(j.build.Name, masker(session.secrets, engine.ProxySecrets(s.proxies)), reporter)
	statuses := make(chan *bk.SolveStatus)
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		for status := range statuses {
			progress.update(status)
		}
	}()
	// The frontend runs in this process, so the engine's version does not matter, see ADR 29.
	_, err := s.buildkit.Build(solveCtx, bk.SolveOpt{
		FrontendAttrs:         frontendAttrs(j, s.proxies),
		Exports:               []bk.ExportEntry{{Type: "moby", Attrs: map[string]string{"name": ref}}},
		SharedSession:         session.session,
		SessionPreInitialized: true,
	}, "tkdeploy", frontend.Build, statuses)
	<-followed
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case session.inputs.Err() != nil:
		err = context.Cause(session.inputs) //nolint:contextcheck // not a new one
	default:
		err = progress.explain(err)
	}
	return s.builder.buildError(ctx, j.build.Name, err)
}

// frontendAttrs adds the proxies that the build does not set itself. They are in no image and
// no tag. BuildKit ignores the case of their names, so an argument replaces both.
//
// It requests no attestations, which would change the digest of a
// cached build (moby#48391).
func frontendAttrs(j job, proxies map[string]string) map[string]string {
	build := j.build
	attrs := map[string]string{
		"filename":                    filepath.Base(build.DockerfilePath()),
		"image-resolve-mode":          "local", // query no registry
		"label:" + inputs.LabelInputs: j.identity.Hash,
		"label:" + inputs.LabelName:   build.Name,
	}
	if build.Project != "" {
		attrs["label:"+inputs.LabelProject] = build.Project
	}
	if j.rebuild != "" {
		attrs["no-cache"] = ""
		attrs["label:"+inputs.LabelRebuild] = j.rebuild
	}
	own := map[string]bool{}
	for arg, value := range build.AllArgs() {
		attrs["build-arg:"+arg] = value
		own[strings.ToUpper(arg)] = true
	}
	for name, value := range proxies {
		if !own[strings.ToUpper(name)] {
			attrs["build-arg:"+name] = value
		}
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

// masker masks secrets in build output. It skips texts under six bytes, which
// would garble the output.
func masker(secrets map[string][]byte, others []string) func(string) string {
	var lines []string
	for _, text := range others {
		if len(text) >= 6 {
			lines = append(lines, text)
		}
	}
	for _, value := range secrets {
		for line := range strings.Lines(string(value)) {
			if line = strings.TrimSpace(line); len(line) >= 6 {
				lines = append(lines, line)
			}
		}
	}
	// Of two secrets that start alike, the longer one comes first.
	slices.SortFunc(lines, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	var pairs []string
	for _, line := range lines {
		pairs = append(pairs, line, "***")
	}
	return strings.NewReplacer(pairs...).Replace
}
