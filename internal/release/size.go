package release

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"
	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// listedFiles is how many of the largest files an error about size names.
const listedFiles = 3

// checkSize refuses a release whose record does not fit into a Secret. Helm
// would find out after it has begun. The record holds the chart, all its files
// included, the values and the manifest.
func (p *prepared) checkSize(rendered Rendered) error {
	size, err := recordSize(&release.Release{
		Name: p.Name, Namespace: p.Namespace, Info: &release.Info{Notes: rendered.Notes},
		Chart: p.chart, Config: p.values, Manifest: rendered.Manifest,
	})
	if err != nil {
		return fmt.Errorf("estimate the size of the release record: %w", err)
	}
	if size <= corev1.MaxSecretSize {
		return nil
	}
	return fault.New(fault.Config,
		fmt.Errorf("the release record of chart %s would have %d KiB, more than the %d KiB that the cluster can store; its largest files: %s",
			p.Chart, size>>10, corev1.MaxSecretSize>>10, largest(p.chart)),
		"list what is not part of the chart in its .helmignore")
}

// recordSize encodes a release as Helm's storage does: JSON, gzip, base64. Of
// one that fits even if gzip does nothing it is what that would be.
func recordSize(rel *release.Release) (int, error) {
	data, err := json.Marshal(rel)
	if err != nil {
		return 0, err
	}
	if most := base64.StdEncoding.EncodedLen(len(data) + len(data)/100 + 64); most <= corev1.MaxSecretSize {
		return most, nil // gzip adds no more than that to what it cannot shorten
	}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return 0, err
	}
	if _, err := w.Write(data); err != nil {
		return 0, err
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	return base64.StdEncoding.EncodedLen(packed.Len()), nil
}

func largest(c *chart.Chart) string {
	files := slices.Clone(c.Raw)
	slices.SortFunc(files, func(a, b *chart.File) int { return cmp.Compare(len(b.Data), len(a.Data)) })
	var listed []string
	for _, f := range files[:min(listedFiles, len(files))] {
		listed = append(listed, fmt.Sprintf("%s (%d KiB)", f.Name, len(f.Data)>>10))
	}
	return strings.Join(listed, ", ")
}
