package deploy

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/config"
	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/images"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/verify/program"
)

// probeRepository names the smoke test's image and its program.
const probeRepository = "tkdeploy-probe"

// AppImages returns the images of the app and its smoke test.
func (w *Workspace) AppImages() images.Set {
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
	probe := w.probeImages()
	set.Sources, set.Binaries = append(set.Sources, probe.Sources...), probe.Binaries
	return set
}

func (w *Workspace) probeImages() images.Set {
	if probe := w.Config.Verify.Image; probe.Ref != "" {
		return images.Set{Sources: []images.Source{w.source(probeRepository, probe)}}
	}
	return images.Set{Binaries: []images.Binary{{Repository: probeRepository, Program: func(platform string) (images.Program, error) {
		p, err := program.For(platform)
		return images.Program(p), err
	}}}}
}

// NodeImage returns the image of the cluster's nodes.
func (w *Workspace) NodeImage() images.Set {
	return images.Set{Sources: []images.Source{w.source("node", w.Env.Cluster.Kind.Image)}}
}

func (w *Workspace) source(name string, s config.Source) images.Source {
	return images.Source{Name: name, Ref: s.Ref, Recipe: w.Config.Path(s.Recipe)}
}

func (w *Workspace) build(name string, image config.Image, bases map[string]string) inputs.Build {
	b := inputs.Build{
		Name:       name,
		Project:    w.Config.Name,
		Repository: image.Repository,
		Context:    w.Config.Path(image.Build.Context),
		Dockerfile: w.Config.Path(image.Build.Dockerfile),
		Target:     image.Build.Target,
		Args:       image.Build.Args,
		Bases:      bases,
		Platform:   image.Build.Platform,
		Allow:      w.Config.Paths(image.Build.Allow),
		Secrets:    map[string]inputs.Secret{},
	}
	for id, secret := range image.Build.Secrets {
		b.Secrets[id] = inputs.Secret{File: w.Config.Path(secret.File), Env: secret.Env}
	}
	return b
}

// Render renders the environment's chart with placeholder image tags.
func (w *Workspace) Render() (chart.Rendered, error) {
	return chart.Render(w.desired(w.placeholderImages()))
}

func (w *Workspace) desired(all []engine.Image) chart.Desired {
	refs := map[string]chart.ImageRef{}
	var local []string
	for _, image := range all {
		if path := w.Config.Images[image.Name].Values; path != "" {
			refs[path] = chart.ImageRef{Repository: image.Repository, Tag: image.Tag}
		}
		if w.Config.Images[image.Name].Build != nil {
			local = append(local, image.Repository+":"+image.Tag)
		}
	}
	c := w.Config.Chart
	return chart.Desired{
		Name:        c.Release,
		Namespace:   c.Namespace,
		Chart:       w.Config.Path(c.Path),
		ValuesFiles: append(w.Config.Paths(c.Values), w.Config.Paths(w.Env.Values)...),
		Images:      refs,
		Local:       local,
		Strict:      c.Strict,
		Open:        c.Open,
		Cluster:     chart.Cluster{KubeVersion: nodeVersion(w.Env.Cluster.Kind.Image.Ref)},
		SkipTests:   w.skippedChecks(),
	}
}

// nodeVersion returns the version of Kubernetes in the tag of a node image, or "".
func nodeVersion(ref string) string {
	name, _, _ := strings.Cut(ref, "@")
	_, tag, _ := strings.Cut(path.Base(name), ":")
	return kubeVersion.FindString(tag)
}

var kubeVersion = regexp.MustCompile(`^v\d+\.\d+(\.\d+)?`)

// placeholderImages returns the images with a different tag each, so that its use can be
// seen in the rendered chart.
func (w *Workspace) placeholderImages() []engine.Image {
	var all []engine.Image
	for i, name := range w.Config.ImageNames() {
		repository := cmp.Or(w.Config.Images[name].Repository, "external")
		all = append(all, engine.Image{Name: name, Repository: repository, Tag: fmt.Sprintf("a%011x", i)})
	}
	return all
}
