// Package config reads tkdeploy.yaml, the description of an app and of the
// environments that it is deployed to.
//
// Reading is strict: every problem of the file is told at once, with its line
// and column, and an unknown key comes with the nearest known one. Paths in the
// file are relative to the file.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

// APIVersion is the version of the format.
const APIVersion = "tkdeploy.dev/v1"

// FileName is the file's usual name.
const FileName = "tkdeploy.yaml"

// A Config is a whole tkdeploy.yaml.
type Config struct {
	APIVersion   string                 `yaml:"apiVersion"`
	Name         string                 `yaml:"name"`
	Images       map[string]Image       `yaml:"images"`
	Bases        map[string]Source      `yaml:"bases"` // by the build argument that names it
	Chart        Chart                  `yaml:"chart"`
	Environments map[string]Environment `yaml:"environments"`
	Verify       Verify                 `yaml:"verify"`

	Dir string `yaml:"-"` // the file's folder, absolute
}

// An Image is built, or comes from outside: exactly one of Build and Ref is set.
type Image struct {
	Repository string `yaml:"repository"` // of a built image
	Build      *Build `yaml:"build"`
	Source     `yaml:",inline"`
	Values     string `yaml:"values"` // the path in the chart's values that takes {repository, tag}
}

// A Build says how an image is made.
type Build struct {
	Context    string            `yaml:"context"`
	Dockerfile string            `yaml:"dockerfile"` // default: Dockerfile in the context
	Target     string            `yaml:"target"`
	Args       map[string]string `yaml:"args"`
	Secrets    map[string]Secret `yaml:"secrets"` // by the id that RUN --mount=type=secret names
	Platform   string            `yaml:"platform"`
	Allow      []string          `yaml:"allow"` // files and folders of the context that look like credentials and are none
}

// A Secret is given to a build and is in no image. Exactly one field is set.
type Secret struct {
	File string `yaml:"file"`
	Env  string `yaml:"env"`
}

// A Source names an outside image and, for where no registry can be reached, a
// recipe that makes an equivalent one.
type Source struct {
	Ref     string `yaml:"ref"`
	Offline string `yaml:"offline"` // the recipe's folder
}

// A Chart is the Helm chart and how it is installed.
type Chart struct {
	Path      string   `yaml:"path"`
	Release   string   `yaml:"release"`
	Namespace string   `yaml:"namespace"`
	Values    []string `yaml:"values"` // files for every environment, before the environment's own
}

// An Environment is a place to deploy to.
type Environment struct {
	Cluster Cluster  `yaml:"cluster"`
	Values  []string `yaml:"values"`

	Diagnostics string `yaml:"diagnostics"` // folder for the bundles of failed runs; none if empty
}

// A Cluster is a kind cluster of ours.
type Cluster struct {
	Kind *Kind `yaml:"kind"`
}

// Kind describes a kind cluster.
type Kind struct {
	Name    string `yaml:"name"`
	Image   Source `yaml:"image"`
	Workers int    `yaml:"workers"`
	Ports   []Port `yaml:"ports"`
}

// Verify adjusts the smoke test that is derived from the chart.
type Verify struct {
	Image  Source   `yaml:"image"`  // runs the smoke test; default: this tkdeploy binary
	Skip   []string `yaml:"skip"`   // ids of checks, or names of services or test hooks
	Checks []Check  `yaml:"checks"` // in addition
}

// A Check asks a URL inside the cluster.
type Check struct {
	Name     string `yaml:"name"`
	URL      string `yaml:"url"`
	Status   int    `yaml:"status"` // default: any from 200 to 399, as for a probe
	Contains string `yaml:"contains"`
}

// Find looks for tkdeploy.yaml in dir and the folders above it.
func Find(dir string) (string, error) {
	for at := dir; ; at = filepath.Dir(at) {
		path := filepath.Join(at, FileName)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		if at == filepath.Dir(at) {
			return "", fault.New(fault.Config, fmt.Errorf("no %s in %s or a folder above it", FileName, dir),
				"change to the app's folder, or name the file: --config FILE")
		}
	}
}

// Load reads and checks the file. All its problems are told at once, as a
// [fault.Config] error that wraps [strictyaml.Problems].
func Load(path string) (*Config, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", path, err)
	}
	data, err := os.ReadFile(abs)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Config, fmt.Errorf("there is no %s", path), "name the file: --config FILE")
	}
	if err != nil {
		return nil, fault.New(fault.Config, fmt.Errorf("read config: %w", err), "")
	}
	config := &Config{Dir: filepath.Dir(abs)}
	problems := strictyaml.Decode(path, data, config)
	if len(problems) == 0 {
		root, _ := strictyaml.Parse(path, data)
		problems = config.check(path, root)
	}
	return config, fault.New(fault.Config, problems.Err(), "")
}

// Env gives an environment by its name.
func (c *Config) Env(name string) (Environment, error) {
	env, ok := c.Environments[name]
	if !ok {
		known := slices.Sorted(maps.Keys(c.Environments))
		return env, fault.New(fault.Usage, fmt.Errorf("no environment %q in %s", name, FileName),
			"the environments are: "+strings.Join(known, ", "))
	}
	return env, nil
}

// Path makes a path of the file absolute.
func (c *Config) Path(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.Dir, path)
}

// Paths makes paths of the file absolute.
func (c *Config) Paths(paths []string) []string {
	var out []string
	for _, p := range paths {
		out = append(out, c.Path(p))
	}
	return out
}

// at finds the node of a path, or the nearest node above it.
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
