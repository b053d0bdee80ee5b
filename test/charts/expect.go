// Package charts holds small charts that use what real charts use, and what tkdeploy does
// with them.
package charts

import (
	"fmt"
	"path/filepath"

	"tkdeploy.dev/tkdeploy/internal/files"
	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

// Chart is a chart and its expect.yaml. README.md documents the fields.
type Chart struct {
	Name string `yaml:"-"`
	Dir  string `yaml:"-"` // of the chart

	About    string   `yaml:"about"`
	Values   []string `yaml:"values"` // in the form of helm --set
	Images   []string `yaml:"images"`
	Error    []string `yaml:"error"`
	Warnings []string `yaml:"warnings"`
	Objects  []string `yaml:"objects"`
	Up       int      `yaml:"up"`
	Live     []string `yaml:"live"`
}

// All returns the charts below dir, sorted by name.
func All(dir string) ([]Chart, error) {
	found, err := filepath.Glob(filepath.Join(dir, "*", "expect.yaml"))
	if err != nil {
		return nil, err
	}
	var all []Chart
	for _, file := range found {
		data, err := files.Read(file, files.ConfigLimit)
		if err != nil {
			return nil, err
		}
		at := filepath.Dir(file)
		c := Chart{Name: filepath.Base(at), Dir: filepath.Join(at, "chart"), Images: []string{"image"}}
		if problems := strictyaml.Decode(file, data, &c); problems.Err() != nil {
			return nil, problems
		}
		if c.About == "" {
			return nil, fmt.Errorf("%s: about is required", file)
		}
		all = append(all, c)
	}
	return all, nil
}
