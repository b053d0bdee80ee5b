package config

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

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
	k.sources()
	k.pull()
	k.chart()
	if len(c.Environments) == 0 {
		k.report("environments: at least one is required", "environments")
	}
	for name, env := range c.Environments {
		k.environment(name, env)
	}
	k.clusters()
	k.valuesPaths()
	k.verifyChecks()
	c.Deprecations, c.Warnings = c.Deprecations.Sorted(), c.Warnings.Sorted()
	return k.problems
}

// at returns the key at path or the nearest node above it.
func at(root *yaml.Node, path ...string) *yaml.Node {
	if root == nil {
		return &yaml.Node{Line: 1, Column: 1}
	}
	if len(path) == 0 || root.Kind != yaml.MappingNode {
		return root
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == path[0] {
			if len(path) == 1 {
				return root.Content[i]
			}
			return at(root.Content[i+1], path[1:]...)
		}
	}
	return root
}

func (k *checker) report(message string, path ...string) {
	k.problems = append(k.problems, strictyaml.At(k.file, at(k.root, path...), message))
}

// dnsLabel matches names that Kubernetes allows for namespaces and kind for clusters.
var dnsLabel = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

// maxName leaves room for the names that are composed of it.
const maxName = 50

func (k *checker) name(what, value string, path ...string) {
	if len(value) > maxName || !dnsLabel.MatchString(value) {
		k.report(fmt.Sprintf("%s must be at most %d lower-case letters, digits and dashes", what, maxName), path...)
	}
}

// clusterName requires that the name of the control plane is a valid host name and
// label value. kind itself allows one character more (clusterNameMax).
func (k *checker) clusterName(value string, path ...string) {
	const suffix, maxLabel = "-control-plane", 63
	if most := maxLabel - len(suffix); len(value) > most || !dnsLabel.MatchString(value) {
		k.report(fmt.Sprintf("cluster.kind.name must be at most %d lower-case letters, digits and dashes: its node NAME%s may have %d", most, suffix, maxLabel), path...)
	}
}

func (k *checker) image(name string, image Image) {
	where := []string{"images", name}
	switch {
	case (image.Build == nil) == (image.Ref == ""):
		k.report("image "+name+": exactly one of build and ref is required", where...)
		return
	case image.Build == nil:
		if image.Repository != "" {
			k.report("image "+name+": repository requires build; ref contains the repository", append(where, "repository")...)
		}
		return
	}
	k.repository(name, image.Repository)
	k.build(name, *image.Build)
}

func (k *checker) build(name string, b Build) {
	where := []string{"images", name, "build"}
	if b.Context == "" {
		k.report("image "+name+": build.context is required", where...)
		return
	}
	k.directory(b.Context, append(where, "context")...)
	dockerfile := b.Dockerfile
	if dockerfile == "" {
		dockerfile = filepath.Join(b.Context, "Dockerfile")
	}
	k.exists(dockerfile, append(where, "dockerfile")...)
	k.args(name, b.Args)
	k.dockerfile(name, b, dockerfile)
	for id, secret := range b.Secrets {
		if (secret.File == "") == (secret.Env == "") {
			k.report("secret "+id+": exactly one of file and env is required", append(where, "secrets", id)...)
		}
	}
	for _, path := range b.Allow {
		k.allowed(b.Context, path, append(where, "allow")...)
	}
}

// allowed requires an existing path below the build context: any other entry has
// no effect.
func (k *checker) allowed(context, path string, where ...string) {
	below, err := filepath.Rel(k.config.Path(context), k.config.Path(path))
	if err != nil || !filepath.IsLocal(below) || below == "." {
		k.report("build.allow: "+path+" is not a file or directory in the context "+context, where...)
		return
	}
	k.exists(path, where...)
}

func (k *checker) chart() {
	if k.config.Chart.Path == "" {
		k.report("chart.path is required", "chart")
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
	k.name("the name of an environment", name, where...)
	for _, file := range env.Values {
		k.exists(file, append(where, "values")...)
	}
	k.diagnostics(name, env)
	k.rollout(env.Rollout, append(slices.Clone(where), "rollout"))
	kind := env.Cluster.Kind
	if kind == nil {
		k.report("environment "+name+": cluster.kind is required", where...)
		return
	}
	where = append(where, "cluster", "kind")
	k.clusterName(kind.Name, append(where, "name")...)
	if kind.Workers < 0 {
		k.report("cluster.kind.workers must not be negative", append(where, "workers")...)
	}
	used := map[int32]bool{}
	for _, port := range kind.Ports {
		if used[port.Host] {
			k.report(fmt.Sprintf("host port %d is used twice", port.Host), append(slices.Clone(where), "ports")...)
		}
		used[port.Host] = true
	}
}

func (k *checker) rollout(r Rollout, where []string) {
	for key, grace := range map[string]time.Duration{"image": r.Image, "missing": r.Missing, "crash": r.Crash, "schedule": r.Schedule, "probe": r.Probe} {
		if grace < 0 {
			k.report(fmt.Sprintf("rollout.%s must not be negative", key), append(slices.Clone(where), key)...)
		}
	}
}

func (k *checker) diagnostics(name string, env Environment) {
	where := []string{"environments", name, "diagnostics"}
	if env.Diagnostics == "" {
		if at(k.root, where...).Value == "diagnostics" { // the key exists
			k.report("diagnostics is empty: set a directory or remove the key", where...)
		}
		return
	}
	path := k.config.Path(env.Diagnostics)
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		k.report("diagnostics: "+env.Diagnostics+" is not a directory", where...)
	}
}

func (k *checker) exists(path string, where ...string) {
	if _, err := os.Stat(k.config.Path(path)); err != nil {
		k.report(path+" not found", where...)
	}
}

func (k *checker) directory(path string, where ...string) {
	if info, err := os.Stat(k.config.Path(path)); err != nil || !info.IsDir() {
		k.report("directory "+path+" not found", where...)
	}
}
