package chart

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	helmchart "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart/values"
)

// fingerprintBytes keeps the hash within the 63 characters of a label value.
const fingerprintBytes = 20

// Prepared is a chart with its layered values.
type Prepared struct {
	desired  Desired
	chart    *helmchart.Chart
	layered  *values.Values
	values   map[string]any // to merge over the chart's own; Helm's "config"
	warnings []string
}

// Chart returns a copy of the chart.
func (p *Prepared) Chart() (*helmchart.Chart, error) { return copyChart(p.chart) }

// Values returns a copy of the values to merge over the chart's defaults.
func (p *Prepared) Values() map[string]any { return runtime.DeepCopyJSON(p.values) }

// Definitions returns the objects in crds/ of the chart and its enabled subcharts, in
// Helm's order.
func (p *Prepared) Definitions() ([]unstructured.Unstructured, error) {
	if len(p.chart.CRDObjects()) == 0 {
		return nil, nil
	}
	c, err := copyChart(p.chart)
	if err != nil {
		return nil, fmt.Errorf("read chart %s: %w", p.desired.Chart, err)
	}
	if err := chartutil.ProcessDependenciesWithMerge(c, p.values); err != nil {
		return nil, fmt.Errorf("read chart %s: %w", p.desired.Chart, err)
	}
	return DefinitionsOf(c)
}

// DefinitionsOf returns the objects in crds/ of a chart and its subcharts.
func DefinitionsOf(c *helmchart.Chart) ([]unstructured.Unstructured, error) {
	var all []unstructured.Unstructured
	for _, file := range c.CRDObjects() {
		objects, err := Objects(string(file.File.Data))
		if err != nil {
			return nil, fault.New(fault.Config, fmt.Errorf("read %s: %w", file.Filename, err), "")
		}
		all = append(all, objects...)
	}
	return all, nil
}

// Fingerprint returns a hash of name, namespace, values and chart files. It excludes the
// manifest, because generated values differ each time.
func (p *Prepared) Fingerprint() (string, error) {
	values, err := json.Marshal(p.values) // sorts the keys
	if err != nil {
		return "", fmt.Errorf("fingerprint the values: %w", err)
	}
	files := slices.Clone(p.chart.Raw)
	slices.SortFunc(files, func(a, b *helmchart.File) int { return cmp.Compare(a.Name, b.Name) })
	hash := sha256.New()
	part := func(name string, data []byte) {
		fmt.Fprintf(hash, "%d %s %d ", len(name), name, len(data))
		hash.Write(data)
	}
	part("name", []byte(p.desired.Name))
	part("namespace", []byte(p.desired.Namespace))
	part("values", values)
	for _, f := range files {
		part("file "+f.Name, f.Data)
	}
	return hex.EncodeToString(hash.Sum(nil)[:fingerprintBytes]), nil
}
