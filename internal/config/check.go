package config

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

// checker collects the problems of a file that is well-formed.
type checker struct {
	config   *Config
	file     string
	root     *yaml.Node
	problems strictyaml.Problems
}

func (c *Config) check(file string, root *yaml.Node) strictyaml.Problems {
	k := &checker{config: c, file: file, root: root}
	if c.APIVersion != APIVersion {
		k.report(fmt.Sprintf("apiVersion must be %q", APIVersion), "apiVersion")
	}
	k.name("name", c.Name, "name")
	for name, image := range c.Images {
		k.image(name, image)
	}
	for arg, base := range c.Bases {
		k.source(base, "bases", arg)
	}
	k.chart()
	if len(c.Environments) == 0 {
		k.report("environments: at least one is needed", "environments")
	}
	for name, env := range c.Environments {
		k.environment(name, env)
	}
	for i, check := range c.Verify.Checks {
		if check.Name == "" || !strings.Contains(check.URL, "://") {
			k.report(fmt.Sprintf("verify.checks: entry %d needs a name and a url such as http://service:port/path", i+1), "verify", "checks")
		}
	}
	return k.problems
}

func (k *checker) report(message string, path ...string) {
	k.problems = append(k.problems, strictyaml.At(k.file, at(k.root, path...), message))
}

// dnsLabel is what Kubernetes allows as a namespace and kind as a cluster name.
var dnsLabel = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$`)

func (k *checker) name(what, value string, path ...string) {
	if !dnsLabel.MatchString(value) {
		k.report(what+" must be at most 50 lower-case letters, digits and dashes", path...)
	}
}

func (k *checker) image(name string, image Image) {
	where := []string{"images", name}
	switch {
	case (image.Build == nil) == (image.Ref == ""):
		k.report("image "+name+": exactly one of build and ref is needed", where...)
		return
	case image.Build == nil:
		if image.Repository != "" {
			k.report("image "+name+": repository goes with build; ref already names one", append(where, "repository")...)
		}
		k.source(image.Source, where...)
		return
	case image.Repository == "":
		k.report("image "+name+": repository is needed: the name without a tag", where...)
	case strings.Contains(filepath.Base(image.Repository), ":"):
		k.report("image "+name+": repository has no tag: tkdeploy makes it from the image's inputs", append(where, "repository")...)
	}
	k.build(name, *image.Build)
}

func (k *checker) build(name string, b Build) {
	where := []string{"images", name, "build"}
	if b.Context == "" {
		k.report("image "+name+": build.context is needed", where...)
		return
	}
	k.directory(b.Context, append(where, "context")...)
	dockerfile := b.Dockerfile
	if dockerfile == "" {
		dockerfile = filepath.Join(b.Context, "Dockerfile")
	}
	k.exists(dockerfile, append(where, "dockerfile")...)
	for id, secret := range b.Secrets {
		if (secret.File == "") == (secret.Env == "") {
			k.report("secret "+id+": exactly one of file and env is needed", append(where, "secrets", id)...)
		}
	}
	for _, path := range b.Allow {
		k.allowed(b.Context, path, append(where, "allow")...)
	}
}

// allowed wants a path that is there and below the build's context, so that an
// entry that no longer allows anything is noticed. The whole context is too much.
func (k *checker) allowed(context, path string, where ...string) {
	below, err := filepath.Rel(k.config.Path(context), k.config.Path(path))
	if err != nil || !filepath.IsLocal(below) || below == "." {
		k.report("build.allow: "+path+" is not a file or folder in the context "+context, where...)
		return
	}
	k.exists(path, where...)
}

func (k *checker) source(s Source, path ...string) {
	if s.Ref == "" {
		k.report("ref is needed: the image's full reference", path...)
		return
	}
	name, tag, _ := strings.Cut(filepath.Base(s.Ref), ":")
	if tag == "latest" || tag == "" && !strings.Contains(name, "@") {
		k.report("ref "+s.Ref+": name a version; latest means another image every week", append(path, "ref")...)
	}
	if s.Offline != "" {
		k.exists(filepath.Join(s.Offline, "build"), append(path, "offline")...)
	}
}

func (k *checker) chart() {
	if k.config.Chart.Path == "" {
		k.report("chart.path is needed", "chart")
		return
	}
	k.exists(filepath.Join(k.config.Chart.Path, "Chart.yaml"), "chart", "path")
	k.name("chart.release", k.config.Chart.Release, "chart", "release")
	k.name("chart.namespace", k.config.Chart.Namespace, "chart", "namespace")
	for _, file := range k.config.Chart.Values {
		k.exists(file, "chart", "values")
	}
}

func (k *checker) environment(name string, env Environment) {
	where := []string{"environments", name}
	k.name("the environment's name", name, where...)
	for _, file := range env.Values {
		k.exists(file, append(where, "values")...)
	}
	k.diagnostics(name, env)
	kind := env.Cluster.Kind
	if kind == nil {
		k.report("environment "+name+": cluster.kind is needed", where...)
		return
	}
	where = append(where, "cluster", "kind")
	k.name("cluster.kind.name", kind.Name, append(where, "name")...)
	k.source(kind.Image, append(slices.Clone(where), "image")...)
	if kind.Workers < 0 {
		k.report("cluster.kind.workers must not be negative", append(where, "workers")...)
	}
	used := map[int32]bool{}
	for _, port := range kind.Ports {
		if used[port.Host] {
			k.report(fmt.Sprintf("host port %d is published twice", port.Host), append(slices.Clone(where), "ports")...)
		}
		used[port.Host] = true
	}
}

// diagnostics may name a folder that is not there yet.
func (k *checker) diagnostics(name string, env Environment) {
	where := []string{"environments", name, "diagnostics"}
	if env.Diagnostics == "" {
		if at(k.root, where...).Value == "diagnostics" { // the key is there
			k.report("diagnostics names no folder: leave the key out for none", where...)
		}
		return
	}
	path := k.config.Path(env.Diagnostics)
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		k.report("diagnostics: "+env.Diagnostics+" is no folder", where...)
	}
}

func (k *checker) exists(path string, where ...string) {
	if _, err := os.Stat(k.config.Path(path)); err != nil {
		k.report("there is no "+path, where...)
	}
}

func (k *checker) directory(path string, where ...string) {
	if info, err := os.Stat(k.config.Path(path)); err != nil || !info.IsDir() {
		k.report("there is no folder "+path, where...)
	}
}

// ImageNames lists the images in a stable order.
func (c *Config) ImageNames() []string { return slices.Sorted(maps.Keys(c.Images)) }
