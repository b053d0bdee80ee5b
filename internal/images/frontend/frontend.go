// Package frontend runs BuildKit's Dockerfile frontend in this process, as a client of the
// engine's BuildKit (ADR 29). It needs no frontend image, and one version of the Dockerfile
// syntax works with every engine.
package frontend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"

	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/frontend/gateway/client"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"tkdeploy.dev/tkdeploy/internal/images/dockerfile"
)

// Build builds the Dockerfile of c's options. A Dockerfile that selects another
// frontend is passed on to that frontend's image. A [parser.LocationError] becomes an error
// with file and line.
func Build(ctx context.Context, c client.Client) (*client.Result, error) {
	ui, err := dockerui.NewClient(c)
	if err != nil {
		return nil, err
	}
	source, err := ui.ReadEntrypoint(ctx, "Dockerfile")
	if err != nil {
		return nil, err
	}
	if syntax := dockerfile.SyntaxOf(source.Data, ui.BuildArgs); !syntax.Embedded() {
		return forward(ctx, c, syntax)
	}
	built, err := ui.Build(ctx, func(ctx context.Context, platform *ocispecs.Platform, _ int) (*dockerui.BuildResult, error) {
		return solve(ctx, c, source.Data, dockerfile2llb.ConvertOpt{
			Config:         ui.Config,
			Client:         ui,
			SourceMap:      source.SourceMap,
			MetaResolver:   c,
			TargetPlatform: platform,
		})
	})
	if err != nil {
		return nil, located(err, filepath.Base(source.Filename))
	}
	return built.Finalize()
}

func solve(ctx context.Context, c client.Client, text []byte, options dockerfile2llb.ConvertOpt) (*dockerui.BuildResult, error) {
	options.BuildArgs = maps.Clone(options.BuildArgs) // the converter changes it
	converted, err := dockerfile2llb.Dockerfile2LLB(ctx, text, options)
	if err != nil {
		return nil, err
	}
	definition, err := converted.State.Marshal(ctx)
	if err != nil {
		return nil, err
	}
	caps := c.BuildOpts().LLBCaps
	if err := checkCopies(definition, caps.Supports, filepath.Base(options.SourceMap.Filename)); err != nil {
		return nil, err
	}
	result, err := c.Solve(ctx, client.SolveRequest{Definition: definition.ToPB()})
	if err != nil {
		return nil, err
	}
	ref, err := result.SingleRef()
	return &dockerui.BuildResult{Reference: ref, Image: converted.Image, BaseImage: converted.BaseImage, Epoch: converted.Epoch}, err
}

// forward runs the frontend's image, which gets the options of the build.
func forward(ctx context.Context, c client.Client, syntax dockerfile.Syntax) (*client.Result, error) {
	options := maps.Clone(c.BuildOpts().Opts)
	options["cmdline"], options["source"] = syntax.Image, syntax.Image
	result, err := c.Solve(ctx, client.SolveRequest{Frontend: "gateway.v0", FrontendOpt: options})
	if err != nil {
		return nil, fmt.Errorf("frontend %s: %w", syntax.Image, err)
	}
	return result, nil
}

// located adds the file and the line, unless a step of the build failed.
func located(err error, file string) error {
	var at *parser.LocationError
	if !errors.As(err, &at) || len(at.Locations) == 0 || len(at.Locations[0]) == 0 {
		return err
	}
	return fmt.Errorf("%s:%d: %w", file, at.Locations[0][0].Start.Line, err)
}
