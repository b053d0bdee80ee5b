package config

import (
	"path/filepath"
	"slices"
	"strings"

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
	name, tag, _ := strings.Cut(filepath.Base(s.Ref), ":")
	if tag == "latest" || tag == "" && !strings.Contains(name, "@") {
		k.report("ref "+s.Ref+": set a version; latest is not one", append(where, "ref")...)
	}
	if s.Recipe != "" {
		k.exists(filepath.Join(s.Recipe, "build"), append(where, "recipe")...)
	}
}
