package chart

import (
	"encoding/json"
	"slices"
	"strings"

	helmchart "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/release"

	"tkdeploy.dev/tkdeploy/internal/release/chart/values"
)

func effectiveValues(c *helmchart.Chart, config map[string]any) map[string]any {
	if c == nil {
		return config
	}
	effective := map[string]any{}
	values.Overlay(effective, c.Values)
	values.Overlay(effective, config)
	return effective
}

func storedFiles(c *helmchart.Chart) any {
	files := map[string]any{}
	if c == nil {
		return files
	}
	for _, f := range slices.Concat(c.Templates, c.Files) {
		files[f.Name] = string(f.Data)
	}
	files[chartutil.SchemafileName] = string(c.Schema)
	if values, err := json.Marshal(c.Values); err == nil {
		files[chartutil.ValuesfileName] = string(values)
	}
	if metadata, err := json.Marshal(c.Metadata); err == nil {
		files[chartutil.ChartfileName] = string(metadata)
	}
	return files
}

// Manifests returns the manifests of the revisions and their hooks. It skips nil.
func Manifests(releases ...*release.Release) []string {
	var manifests []string
	for _, rel := range releases {
		if rel != nil {
			manifests = append(manifests, rel.Manifest, hookManifests(rel))
		}
	}
	return manifests
}

func hookManifests(rel *release.Release) string {
	var manifests []string
	for _, hook := range rel.Hooks {
		manifests = append(manifests, hook.Manifest)
	}
	return strings.Join(manifests, "\n---\n")
}

// RevisionImages returns the images of a revision's workloads and hooks, sorted and
// unique, or nil if a manifest cannot be parsed.
func RevisionImages(rel *release.Release) []string {
	var refs []string
	for _, manifest := range Manifests(rel) {
		all, err := Objects(manifest)
		if err != nil {
			return nil
		}
		for _, o := range all {
			for _, image := range containerImages(o) {
				refs = append(refs, image.ref)
			}
		}
	}
	slices.Sort(refs)
	return slices.Compact(refs)
}
