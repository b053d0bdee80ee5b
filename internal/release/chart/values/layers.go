package values

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	helmchart "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/strvals"
	"k8s.io/apimachinery/pkg/runtime"

	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

// Values are the layered values of a chart.
type Values struct {
	dir      string
	chart    *helmchart.Chart
	defaults map[string]any // of the chart and its subcharts
	layers   []layer        // the chart's values.yaml first
	config   map[string]any // all layers but the first; Helm's "config"
	problems strictyaml.Problems
}

// Layer layers the sources over the values of c. [Values.Check] returns the problems.
func Layer(c *helmchart.Chart, s Sources) *Values {
	v := &Values{dir: s.Chart, chart: c, defaults: defaults(c), config: map[string]any{}}
	v.addFile(File{filepath.Join(s.Chart, chartutil.ValuesfileName), rawFile(c, chartutil.ValuesfileName)})
	for _, file := range s.Files {
		v.addFile(file)
	}
	merged := v.mergeFiles()
	v.addImages(merged, s.Images)
	v.addSet(merged, s.Set)
	return v
}

// Config returns the values to merge over the chart's own.
func (v *Values) Config() map[string]any { return v.config }

func (v *Values) addFile(file File) {
	root, problems := strictyaml.Parse(file.Name, file.Data)
	v.problems = append(v.problems, problems...)
	if root == nil || root.ShortTag() == "!!null" {
		v.layers = append(v.layers, layer{name: file.Name})
		return
	}
	l, problem := readLayer(file, root)
	if problem != nil {
		v.problems = append(v.problems, *problem)
	}
	if len(v.layers) > 0 { // the chart's own values may be someone else's
		v.problems = append(v.problems, boolKeys(file.Name, root)...)
	}
	v.layers = append(v.layers, l)
}

func readLayer(file File, root *yaml.Node) (layer, *strictyaml.Problem) {
	if root.Kind != yaml.MappingNode {
		problem := strictyaml.At(file.Name, root, "want a map, got "+strictyaml.KindOf(root))
		return layer{name: file.Name}, &problem
	}
	values, err := chartutil.ReadValues(file.Data)
	if err != nil {
		problem := strictyaml.At(file.Name, root, "cannot be read as values")
		return layer{name: file.Name}, &problem
	}
	return layer{name: file.Name, root: root, values: values}, nil
}

func (v *Values) mergeFiles() map[string]any {
	merged := runtime.DeepCopyJSON(v.defaults)
	for i, l := range v.layers {
		if i == 0 {
			continue
		}
		v.problems = append(v.problems, conflicts(merged, v.layers[:i], l)...)
		Overlay(merged, l.values)
		Overlay(v.config, l.values)
	}
	return merged
}

// addImages sets an image in the form of the chart's default.
func (v *Values) addImages(merged map[string]any, images map[string]Image) {
	for _, path := range slices.Sorted(maps.Keys(images)) {
		image := images[path]
		keys := strings.Split(path, ".")
		value := image.valueFor(Lookup(merged, keys))
		for i := len(keys) - 1; i >= 0; i-- {
			value = map[string]any{keys[i]: value}
		}
		v.addInline(merged, "images: "+path, value.(map[string]any))
		Overlay(v.config, value.(map[string]any))
	}
}

// addSet omits values from messages, because they may be secret.
func (v *Values) addSet(merged map[string]any, set []string) {
	for _, argument := range set {
		path, _, _ := strings.Cut(argument, "=")
		values, err := strvals.Parse(argument)
		if err == nil {
			err = strvals.ParseInto(argument, v.config)
		}
		if err != nil {
			v.problems = append(v.problems, strictyaml.Problem{
				File: "--set " + path, Message: "cannot be read",
				Hint: `use path=value; escape commas in the value as \,`,
			})
			continue
		}
		v.addInline(merged, "--set "+path, values)
	}
}

func (v *Values) addInline(merged map[string]any, name string, values map[string]any) {
	root := &yaml.Node{}
	if err := root.Encode(values); err != nil {
		v.problems = append(v.problems, strictyaml.Problem{File: name, Message: "cannot be read as values"})
		return
	}
	l := layer{name: name, root: root, values: values}
	v.problems = append(v.problems, conflicts(merged, v.layers, l)...)
	Overlay(merged, runtime.DeepCopyJSON(values))
	v.layers = append(v.layers, l)
}

func rawFile(c *helmchart.Chart, name string) []byte {
	for _, f := range c.Raw {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}
