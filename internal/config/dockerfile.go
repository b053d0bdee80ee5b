package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"tkdeploy.dev/tkdeploy/internal/files"
	"tkdeploy.dev/tkdeploy/internal/images/dockerfile"
	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

// dockerfile compares the build with its Dockerfile. A Dockerfile that cannot be read is
// left to the build.
func (k *checker) dockerfile(name string, b Build, path string) {
	text, err := files.Read(k.config.Path(path), files.ConfigLimit)
	if err != nil || !dockerfile.SyntaxOf(text, b.Args).Docker() {
		return
	}
	parsed, err := dockerfile.Parse(text)
	if err != nil {
		return
	}
	where := []string{"images", name, "build"}
	if b.Target != "" && !parsed.HasStage(b.Target) {
		p := strictyaml.At(k.file, at(k.root, append(where, "target")...), fmt.Sprintf("target %q is not a stage of %s", b.Target, path))
		p.Hint = "name its stages with FROM … AS NAME"
		if stages := parsed.Stages(); len(stages) > 0 {
			p.Hint = strictyaml.DidYouMean(b.Target, stages, "its stages are: "+strings.Join(stages, ", "))
		}
		k.problems = append(k.problems, p)
	}
	k.undeclared(parsed, b, path, append(where, "args"))
	k.ownBases(parsed, b, path)
}

// undeclared warns of arguments that have no effect.
func (k *checker) undeclared(parsed *dockerfile.File, b Build, path string, where []string) {
	declared := parsed.Args()
	for arg := range b.Args {
		if slices.Contains(declared, arg) || dockerfile.Predefined(arg) {
			continue
		}
		p := strictyaml.At(k.file, at(k.root, append(slices.Clone(where), arg)...), fmt.Sprintf("argument %s has no effect: no ARG of %s declares it", arg, path))
		if near := strictyaml.Nearest(arg, declared); near != "" {
			p.Hint = fmt.Sprintf("did you mean %q?", near)
		}
		k.config.Warnings = append(k.config.Warnings, p)
	}
}

// ownBases reports base images that tkdeploy builds itself: their tags are not known
// before they are built.
func (k *checker) ownBases(parsed *dockerfile.File, b Build, path string) {
	args := map[string]string{}
	for arg, base := range k.config.Bases {
		args[arg] = base.Ref
	}
	for arg, value := range b.Args {
		args[arg] = value
	}
	for _, base := range parsed.Bases(args) {
		owner := k.owner(base.Ref)
		if owner == "" {
			continue
		}
		file := path
		if !filepath.IsAbs(path) {
			file = filepath.Join(filepath.Dir(k.file), path)
		}
		k.problems = append(k.problems, strictyaml.Problem{
			File: file, Line: base.Line, Column: 1,
			Message: fmt.Sprintf("base image %s is image %s of %s, which cannot be a base of another image", base.Ref, owner, filepath.Base(k.file)),
			Hint:    "make it a stage of this Dockerfile and start FROM the stage",
		})
	}
}

// owner returns the image of the file that a reference without a version names, or "".
func (k *checker) owner(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ""
	}
	if reference.TagNameOnly(named).String() != named.Name()+":latest" {
		return ""
	}
	for _, name := range k.config.ImageNames() {
		image := k.config.Images[name]
		repository, err := reference.ParseNormalizedNamed(image.Repository)
		if image.Build != nil && err == nil && repository.Name() == named.Name() {
			return name
		}
	}
	return ""
}
