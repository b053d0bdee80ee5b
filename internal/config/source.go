package config

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/distribution/reference"

	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

// sources checks the images that are not built, and moves the deprecated key
// offline to Recipe.
func (k *checker) sources() {
	for name, image := range k.config.Images {
		where := []string{"images", name}
		k.renameOffline(&image.Source, where)
		k.config.Images[name] = image
		if image.Build == nil && image.Ref != "" {
			k.source(image.Source, where...)
		}
	}
	for arg, base := range k.config.Bases {
		where := []string{"bases", arg}
		k.renameOffline(&base, where)
		k.config.Bases[arg] = base
		k.source(base, where...)
	}
	for name, env := range k.config.Environments {
		if kind := env.Cluster.Kind; kind != nil {
			where := []string{"environments", name, "cluster", "kind", "image"}
			k.renameOffline(&kind.Image, where)
			k.source(kind.Image, where...)
		}
	}
	if image := &k.config.Verify.Image; *image != (Source{}) {
		where := []string{"verify", "image"}
		k.renameOffline(image, where)
		k.source(*image, where...)
	}
}

func (k *checker) renameOffline(s *Source, where []string) {
	if s.Offline == "" {
		return
	}
	where = append(slices.Clone(where), "offline")
	if s.Recipe != "" {
		k.report("recipe and offline are the same key: remove offline", where...)
		return
	}
	s.Recipe, s.Offline = s.Offline, ""
	k.config.Deprecations = append(k.config.Deprecations,
		strictyaml.At(k.file, at(k.root, where...), "offline is deprecated: rename it to recipe"))
}

func (k *checker) source(s Source, where ...string) {
	if s.Ref == "" {
		k.report("ref is required: the full reference of the image", where...)
		return
	}
	k.reference(s, where)
	if s.Recipe != "" {
		k.exists(filepath.Join(s.Recipe, "build"), append(where, "recipe")...)
	}
}

func (k *checker) reference(s Source, where []string) {
	where = append(slices.Clone(where), "ref")
	named, err := reference.ParseNormalizedNamed(s.Ref)
	if err != nil {
		k.report(fmt.Sprintf("ref %q: %v", s.Ref, err), where...)
		return
	}
	tagged, hasTag := named.(reference.Tagged)
	_, hasDigest := named.(reference.Digested)
	switch {
	case hasDigest && s.Recipe != "":
		k.report("ref "+s.Ref+": an image that a recipe builds has no digest; remove the digest or the recipe", where...)
	case !hasDigest && (!hasTag || tagged.Tag() == "latest"):
		k.report("ref "+s.Ref+": set a version; latest is not one", where...)
	}
}

func (k *checker) repository(name, repository string) {
	where := []string{"images", name, "repository"}
	named, err := reference.ParseNormalizedNamed(repository)
	switch {
	case repository == "":
		k.report("image "+name+": repository is required: the name without a tag", where[:2]...)
	case err != nil:
		k.report(fmt.Sprintf("image %s: repository %q: %v", name, repository, err), where...)
	case !reference.IsNameOnly(named):
		k.report("image "+name+": repository must not have a tag: tkdeploy derives it from the image's inputs", where...)
	}
}

func (k *checker) pull() {
	if k.config.Pull.StartTimeout < 0 {
		k.report("pull.startTimeout must not be negative", "pull", "startTimeout")
	}
	if k.config.Pull.IdleTimeout < 0 {
		k.report("pull.idleTimeout must not be negative", "pull", "idleTimeout")
	}
}
