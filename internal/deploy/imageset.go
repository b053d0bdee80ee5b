package deploy

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"tkdeploy.dev/tkdeploy/internal/config"
	"tkdeploy.dev/tkdeploy/internal/images"
)

// ProbeCommand is the command of tkdeploy that runs the checks inside the
// cluster.
const ProbeCommand = "probe"

// probeRepository names the image that runs the smoke test, and its program.
const probeRepository = "tkdeploy-probe"

// AppImages are the images that the app and its smoke test run from.
func (w *Workspace) AppImages() (images.Set, error) {
	var set images.Set
	bases := map[string]string{}
	for arg, base := range w.Config.Bases {
		bases[arg] = base.Ref
		set.Bases = append(set.Bases, w.source(arg, base))
	}
	for _, name := range w.Config.ImageNames() {
		image := w.Config.Images[name]
		if image.Build == nil {
			set.Sources = append(set.Sources, w.source(name, image.Source))
			continue
		}
		set.Builds = append(set.Builds, w.build(name, image, bases))
	}
	probe, err := w.probeImages()
	set.Sources, set.Binaries = append(set.Sources, probe.Sources...), probe.Binaries
	return set, err
}

// probeImages is the image that the smoke test runs from, alone.
func (w *Workspace) probeImages() (images.Set, error) {
	if probe := w.Config.Verify.Image; probe.Ref != "" {
		return images.Set{Sources: []images.Source{w.source(probeRepository, probe)}}, nil
	}
	self, err := os.Executable()
	if err != nil {
		return images.Set{}, fmt.Errorf("find the program for the smoke test, which is beside this one: %w", err)
	}
	return images.Set{Binaries: []images.Binary{{Repository: probeRepository, Path: probeBeside(self)}}}, nil
}

// probeBeside is the program for the smoke test's pod: tkdeploy-probe, where it
// is beside tkdeploy, else tkdeploy itself, which is six times as large.
func probeBeside(self string) string {
	small := filepath.Join(filepath.Dir(self), probeRepository)
	if info, err := os.Stat(small); err == nil && info.Mode().IsRegular() {
		return small
	}
	return self
}

// CheckContexts refuses a credential in a build context before anything is
// touched.
func (w *Workspace) CheckContexts(ctx context.Context) error {
	set, err := w.AppImages()
	if err != nil {
		return err
	}
	return images.CheckContexts(ctx, set.Builds)
}

// NodeImage is the image that the cluster's nodes run from.
func (w *Workspace) NodeImage() images.Set {
	return images.Set{Sources: []images.Source{w.source("node", w.Env.Cluster.Kind.Image)}}
}

func (w *Workspace) source(name string, s config.Source) images.Source {
	return images.Source{Name: name, Ref: s.Ref, Recipe: w.Config.Path(s.Offline)}
}

func (w *Workspace) build(name string, image config.Image, bases map[string]string) images.Build {
	b := images.Build{
		Name:       name,
		Repository: image.Repository,
		Context:    w.Config.Path(image.Build.Context),
		Dockerfile: w.Config.Path(image.Build.Dockerfile),
		Target:     image.Build.Target,
		Args:       image.Build.Args,
		Bases:      bases,
		Platform:   image.Build.Platform,
		Allow:      w.Config.Paths(image.Build.Allow),
		Secrets:    map[string]images.Secret{},
	}
	for id, secret := range image.Build.Secrets {
		b.Secrets[id] = images.Secret{File: w.Config.Path(secret.File), Env: secret.Env}
	}
	return b
}
