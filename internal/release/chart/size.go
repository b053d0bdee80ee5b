package chart

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	helmchart "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"
	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

const maxListedFiles = 3

// checkSize fails if the release record does not fit into a Secret, which Helm would
// notice only after the start.
func (p *Prepared) checkSize(rel *release.Release) error {
	record, err := json.Marshal(&release.Release{
		Name: p.desired.Name, Namespace: p.desired.Namespace, Info: &release.Info{Notes: rel.Info.Notes},
		Chart: p.chart, Config: p.values, Manifest: rel.Manifest, Hooks: rel.Hooks,
	})
	if err != nil {
		return fmt.Errorf("estimate the size of the release record: %w", err)
	}
	if incompressible := len(record) + len(record)/100 + 64; base64.StdEncoding.EncodedLen(incompressible) <= corev1.MaxSecretSize {
		return nil
	}
	packed, err := compress(record)
	if err != nil {
		return fmt.Errorf("estimate the size of the release record: %w", err)
	}
	size := base64.StdEncoding.EncodedLen(len(packed))
	if size <= corev1.MaxSecretSize {
		return nil
	}
	return fault.New(fault.Config,
		fmt.Errorf("release record of chart %s is too large: %d KiB, limit %d KiB; largest files: %s",
			p.desired.Chart, size>>10, corev1.MaxSecretSize>>10, largestFiles(p.chart)),
		"exclude files that are not part of the chart in its .helmignore")
}

func compress(data []byte) ([]byte, error) {
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	err = w.Close()
	return packed.Bytes(), err
}

func largestFiles(c *helmchart.Chart) string {
	files := slices.Clone(c.Raw)
	slices.SortFunc(files, func(a, b *helmchart.File) int { return cmp.Compare(len(b.Data), len(a.Data)) })
	var list []string
	for _, f := range files[:min(maxListedFiles, len(files))] {
		list = append(list, fmt.Sprintf("%s (%d KiB)", f.Name, len(f.Data)>>10))
	}
	return strings.Join(list, ", ")
}
