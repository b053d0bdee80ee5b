package chart

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	helmchart "helm.sh/helm/v3/pkg/chart"
	"k8s.io/apimachinery/pkg/runtime"

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

// HasCRDs reports whether the chart contains custom resource definitions.
func (p *Prepared) HasCRDs() bool { return len(p.chart.CRDObjects()) > 0 }

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
