package chart

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"go.yaml.in/yaml/v3"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/strvals"
	"k8s.io/apimachinery/pkg/runtime"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

// assemble collects problems with the values. It returns an error only for files that it
// cannot read.
func assemble(d Desired) (*Prepared, error) {
	if err := parseDefaults(d.Chart); err != nil {
		return nil, fault.New(fault.Config, err, "")
	}
	c, err := loadChart(d.Chart)
	if err != nil {
		return nil, err
	}
	p := &Prepared{desired: d, chart: c, defaults: defaults(c), values: map[string]any{}}
	p.addFile(filepath.Join(d.Chart, chartutil.ValuesfileName), rawFile(c, chartutil.ValuesfileName))
	for _, file := range d.ValuesFiles {
		data, err := files.Read(file, files.ConfigLimit)
		if err != nil {
			return nil, fault.New(fault.Config, fmt.Errorf("read values: %w", err), "")
		}
		p.addFile(file, data)
	}
	merged := p.mergeFiles()
	p.addImages(merged)
	p.addSet(merged)
	return p, nil
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

func (p *Prepared) addFile(file string, data []byte) {
	root, problems := strictyaml.Parse(file, data)
	p.problems = append(p.problems, problems...)
	if root == nil || root.ShortTag() == "!!null" {
		p.layers = append(p.layers, layer{name: file})
		return
	}
	l, problem := readLayer(file, root, data)
	if problem != nil {
		p.problems = append(p.problems, *problem)
	}
	p.layers = append(p.layers, l)
}

func readLayer(file string, root *yaml.Node, data []byte) (layer, *strictyaml.Problem) {
	if root.Kind != yaml.MappingNode {
		problem := strictyaml.At(file, root, "want a map, got "+strictyaml.KindOf(root))
		return layer{name: file}, &problem
	}
	values, err := chartutil.ReadValues(data)
	if err != nil {
		problem := strictyaml.At(file, root, "cannot be read as values")
		return layer{name: file}, &problem
	}
	return layer{name: file, root: root, values: values}, nil
}

func (p *Prepared) mergeFiles() map[string]any {
	merged := runtime.DeepCopyJSON(p.defaults)
	for i, l := range p.layers {
		if i == 0 {
			continue
		}
		p.problems = append(p.problems, conflicts(merged, p.layers[:i], l)...)
		overlay(merged, l.values)
		overlay(p.values, l.values)
	}
	return merged
}

func (p *Prepared) addImages(merged map[string]any) {
	for _, path := range p.desired.imagePaths() {
		ref := p.desired.Images[path]
		keys := strings.Split(path, ".")
		value := ref.valueFor(Lookup(merged, keys))
		for i := len(keys) - 1; i >= 0; i-- {
			value = map[string]any{keys[i]: value}
		}
		p.addInline(merged, "images: "+path, value.(map[string]any))
		overlay(p.values, value.(map[string]any))
	}
}

// addSet omits values from messages, because they may be secret.
func (p *Prepared) addSet(merged map[string]any) {
	for _, argument := range p.desired.Set {
		path, _, _ := strings.Cut(argument, "=")
		values, err := strvals.Parse(argument)
		if err == nil {
			err = strvals.ParseInto(argument, p.values)
		}
		if err != nil {
			p.problems = append(p.problems, strictyaml.Problem{
				File: "--set " + path, Message: "cannot be read",
				Hint: `use path=value; escape commas in the value as \,`,
			})
			continue
		}
		p.addInline(merged, "--set "+path, values)
	}
}

func (p *Prepared) addInline(merged map[string]any, name string, values map[string]any) {
	root := &yaml.Node{}
	if err := root.Encode(values); err != nil {
		p.problems = append(p.problems, strictyaml.Problem{File: name, Message: "cannot be read as values"})
		return
	}
	l := layer{name: name, root: root, values: values}
	p.problems = append(p.problems, conflicts(merged, p.layers, l)...)
	overlay(merged, runtime.DeepCopyJSON(values))
	p.layers = append(p.layers, l)
}
