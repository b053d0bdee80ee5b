// Package config reads tkdeploy.yaml, which describes an app and the environments
// it is deployed to.
//
// Reading is strict: [Load] reports every problem at once, each with its line and
// column. Paths in the file are relative to it. docs/config.md is generated from
// the types and comments in this file.
package config

import (
	"maps"
	"path/filepath"
	"slices"
	"time"

	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

// APIVersion is the version of the file format.
const APIVersion = "tkdeploy.dev/v1"

// FileName is the default name of the file.
const FileName = "tkdeploy.yaml"

// Config is the content of tkdeploy.yaml.
type Config struct {
	APIVersion   string                 `yaml:"apiVersion"`   // Version of the format: tkdeploy.dev/v1. Required.
	Name         string                 `yaml:"name"`         // Name of the project. Required.
	Images       map[string]Image       `yaml:"images"`       // Images of the app, by name.
	Bases        map[string]Source      `yaml:"bases"`        // Images that Dockerfiles start FROM, by the name of the build argument that passes them. The args of a build override them.
	Pull         Pull                   `yaml:"pull"`         // Time limits of pulls from registries.
	Chart        Chart                  `yaml:"chart"`        // Helm chart of the app. Required.
	Environments map[string]Environment `yaml:"environments"` // Environments, by the name that --env takes. At least one is required.
	Verify       Verify                 `yaml:"verify"`       // Changes to the smoke checks that tkdeploy derives from the chart.

	Dir          string              `yaml:"-"` // directory of the file, absolute
	Deprecations strictyaml.Problems `yaml:"-"` // deprecated keys in the file
	Warnings     strictyaml.Problems `yaml:"-"` // settings without an effect
}

// Image is an image of the app. Set exactly one of build and ref.
type Image struct {
	Repository string `yaml:"repository"` // Name of a built image without a tag. tkdeploy derives the tag from the image's inputs. Required with build.
	Build      *Build `yaml:"build"`      // How to build the image.
	Source     `yaml:",inline"`
	Values     string `yaml:"values"` // Path in the chart's values that takes the keys repository and tag, and digest if the chart has that key.
}

// Build describes how to build an image with BuildKit.
type Build struct {
	Context    string            `yaml:"context"`    // Directory of the build context. Required.
	Dockerfile string            `yaml:"dockerfile"` // Path of the Dockerfile. PATH.dockerignore replaces .dockerignore of the context. Default: Dockerfile in the context.
	Target     string            `yaml:"target"`     // Stage to build. Default: the last stage.
	Args       map[string]string `yaml:"args"`       // Build arguments. An argument overrides the base of the same name. ${NAME} and ${NAME:-default} stand for variables of the environment, $$ for a dollar sign. An argument without a value takes the variable of its name, if it is set.
	Secrets    map[string]Secret `yaml:"secrets"`    // Build secrets, by the id in RUN --mount=type=secret.
	Platform   string            `yaml:"platform"`   // Platform such as linux/arm64. Default: the engine's platform.
	Allow      []string          `yaml:"allow"`      // Files and directories of the context that look like credentials but contain none.
}

// Secret is passed to a build and does not become part of the image. Set exactly one key.
type Secret struct {
	File string `yaml:"file"` // File with the secret.
	Env  string `yaml:"env"`  // Environment variable with the secret.
}

// Source is an image that is not built from the checkout. It is used if the engine has it, otherwise pulled, otherwise built by its recipe.
type Source struct {
	Ref    string `yaml:"ref"`    // Full reference with a tag other than latest, or with a digest. Required.
	Recipe string `yaml:"recipe"` // Directory of a recipe that builds an equivalent image if no registry is reachable.

	Offline string `yaml:"offline"` // Deprecated name of recipe.
}

// Pull limits how long a pull waits. The image's recipe runs if the registry does not respond, but not if a pull fails after it has begun.
type Pull struct {
	StartTimeout time.Duration `yaml:"startTimeout"` // Time for a registry's first response, such as 1m. Default: 15s.
	IdleTimeout  time.Duration `yaml:"idleTimeout"`  // Time without progress, such as 5m. Default: 60s.
}

// Chart is the Helm chart and the release it is installed as.
type Chart struct {
	Path      string   `yaml:"path"`      // Directory of the chart. Required.
	Release   string   `yaml:"release"`   // Name of the Helm release. Required.
	Namespace string   `yaml:"namespace"` // Namespace of the release. Required.
	Values    []string `yaml:"values"`    // Values files for every environment. Those of the environment override them.
	Strict    *bool    `yaml:"strict"`    // Whether values that nothing in the chart reads are errors. Default: only those similar to a key that it reads; the others are warnings.
	Open      []string `yaml:"open"`      // Paths in the values below which the chart reads any key.
}

// Environment is a place to deploy to.
type Environment struct {
	Cluster     Cluster  `yaml:"cluster"`     // Cluster of the environment. Required.
	Values      []string `yaml:"values"`      // Values files, in addition to those of the chart.
	Diagnostics string   `yaml:"diagnostics"` // Directory for the support bundles of failed runs. Default: no bundles.
	Rollout     Rollout  `yaml:"rollout"`     // How long problems of workloads may last.

	Verify EnvironmentVerify `yaml:"verify"` // Further changes to the smoke checks.
}

// EnvironmentVerify adjusts the smoke checks of one environment.
type EnvironmentVerify struct {
	Skip []string `yaml:"skip"` // As verify.skip, for this environment. Each must exist in it.
}

// Rollout sets how long a problem must last, at least, before it ends the run, such as 90s. It cannot shorten the defaults. A workload's annotation tkdeploy.dev/grace-KEY overrides it.
type Rollout struct {
	Image    time.Duration `yaml:"image"`    // An image cannot be pulled. Default: 10s if the registry is unreachable, else 0s.
	Missing  time.Duration `yaml:"missing"`  // A Secret, ConfigMap, volume claim or service account does not exist. Default: 3s to 30s.
	Crash    time.Duration `yaml:"crash"`    // A container keeps crashing. Default: three restarts, about 40s.
	Schedule time.Duration `yaml:"schedule"` // No node has room for a pod, or a quota is exceeded. Default: 20s; for a quota, 10s.
	Probe    time.Duration `yaml:"probe"`    // A readiness probe is refused although the process listens on a port that the container declares. Default: 20s.
}

// Cluster selects the kind of cluster.
type Cluster struct {
	Kind *Kind `yaml:"kind"` // A kind cluster that tkdeploy creates. Required.
}

// Kind describes a kind cluster.
type Kind struct {
	Name    string `yaml:"name"`    // Name of the cluster, at most 49 characters. No other project, environment or user may have it. Required.
	Image   Source `yaml:"image"`   // Node image. Required.
	Workers int    `yaml:"workers"` // Number of worker nodes. Default: 0, one node for everything.
	Ports   []Port `yaml:"ports"`   // Ports of this machine that lead to node ports, as HOST:NODE or one number for both.
}

// Verify adjusts the smoke checks that tkdeploy derives from the chart.
type Verify struct {
	Image  Source   `yaml:"image"`  // Image that runs the checks. Default: made from the program in tkdeploy.
	Skip   []string `yaml:"skip"`   // IDs of checks, or names of Services or test hooks, to leave out; * matches characters that change. Each must exist in an environment.
	Checks []Check  `yaml:"checks"` // Additional checks.
}

// Check is an HTTP request to send from inside the cluster.
type Check struct {
	Name     string `yaml:"name"`     // Name of the check. Required.
	URL      string `yaml:"url"`      // URL such as http://service:port/path. Required.
	Status   int    `yaml:"status"`   // Expected status code. Default: any from 200 to 399, as for a probe.
	Contains string `yaml:"contains"` // Text that the response body must contain.
}

// ImageNames returns the names of the images, sorted.
func (c *Config) ImageNames() []string { return slices.Sorted(maps.Keys(c.Images)) }

// Path returns path, which is relative to the file, as an absolute path.
func (c *Config) Path(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.Dir, path)
}

// Paths returns the paths, which are relative to the file, as absolute paths.
func (c *Config) Paths(paths []string) []string {
	var out []string
	for _, p := range paths {
		out = append(out, c.Path(p))
	}
	return out
}

// Files returns absolute paths: of the configuration file, the chart, and the values
// files of all environments.
func (c *Config) Files() []string {
	all := append([]string{c.Path(FileName), c.Path(c.Chart.Path)}, c.Paths(c.Chart.Values)...)
	for _, name := range slices.Sorted(maps.Keys(c.Environments)) {
		all = append(all, c.Paths(c.Environments[name].Values)...)
	}
	return all
}
