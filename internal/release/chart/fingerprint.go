package chart

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	helmchart "helm.sh/helm/v3/pkg/chart"
)

// fingerprintBytes of the hash make a label value: it may have 63 characters,
// and a whole SHA-256 in hexadecimal has 64.
const fingerprintBytes = 20

// fingerprint is a hash of all that decides what the release is: every file of
// the chart, the merged values, name and namespace. The rendered manifest is no
// part of it: a chart with random values renders differently each time.
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
