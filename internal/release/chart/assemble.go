package chart

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"helm.sh/helm/v3/pkg/chartutil"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
	"tkdeploy.dev/tkdeploy/internal/release/chart/values"
	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

// assemble loads the chart and layers the values. It returns an error only for files that
// it cannot read.
func assemble(d Desired) (*Prepared, error) {
	if err := parseDefaults(d.Chart); err != nil {
		return nil, fault.New(fault.Config, err, "")
	}
	c, err := loadChart(d.Chart)
	if err != nil {
		return nil, err
	}
	sources := values.Sources{Chart: d.Chart, Images: d.Images, Set: d.Set}
	for _, name := range d.ValuesFiles {
		data, err := files.Read(name, files.ConfigLimit)
		if err != nil {
			return nil, fault.New(fault.Config, fmt.Errorf("read values: %w", err), "")
		}
		sources.Files = append(sources.Files, values.File{Name: name, Data: data})
	}
	layered := values.Layer(c, sources)
	return &Prepared{desired: d, chart: c, layered: layered, values: layered.Config()}, nil
}

// parseDefaults checks values.yaml first, because Helm reports syntax errors without file
// and line.
func parseDefaults(chartDir string) error {
	file := filepath.Join(chartDir, chartutil.ValuesfileName)
	data, err := files.Read(file, files.ConfigLimit)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil // a chart without defaults, or an archive
	}
	if err != nil {
		return fmt.Errorf("read chart %s: %w", chartDir, err)
	}
	_, problems := strictyaml.Parse(file, data)
	return problems.Err()
}

// Lookup returns the value at path, or nil.
func Lookup(in any, path []string) any { return values.Lookup(in, path) }
