package chart

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/release"
)

// listedChanges is how many paths of a kind a cause names.
const listedChanges = 3

// changes says in words how the desired release differs from a stored one, by
// paths and file names: a value may be a secret. It is empty if the
// fingerprints are equal.
func (p *Prepared) Changes(stored *release.Release) ([]string, error) {
	files, err := p.chartChanges(stored)
	if err != nil {
		return nil, err
	}
	return inWords(p.imageChanges(stored), p.valueChanges(stored), files), nil
}

func inWords(images, values, files []string) []string {
	found := images
	if len(values) > 0 {
		found = append(found, "values changed: "+ListNames(values))
	}
	if len(files) > 0 {
		found = append(found, "chart changed: "+ListNames(files))
	}
	if len(found) == 0 {
		found = []string{"chart or values changed"}
	}
	return found
}

func ListNames(names []string) string {
	if more := len(names) - listedChanges; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:listedChanges], ", "), more)
	}
	return strings.Join(names, ", ")
}

// imageChanges compares the effective images: "image services.auth.image
// changed tiktok-auth-service:1 -> 2".
func (p *Prepared) imageChanges(stored *release.Release) []string {
	var found []string
	before := effective(stored.Chart, stored.Config)
	for _, path := range p.desired.imagePaths() {
		if old := imageAt(Lookup(before, strings.Split(path, "."))); old != p.desired.Images[path] {
			found = append(found, imageChange(path, old, p.desired.Images[path]))
		}
	}
	return found
}

func imageChange(path string, old, ref ImageRef) string {
	if old.Repository == ref.Repository {
		return fmt.Sprintf("image %s changed %s -> %s", path, old, ref.Tag)
	}
	return fmt.Sprintf("image %s changed %s -> %s", path, old, ref)
}

func imageAt(value any) ImageRef {
	switch value := value.(type) {
	case string:
		if i := strings.LastIndex(value, ":"); i > strings.LastIndex(value, "/") {
			return ImageRef{value[:i], value[i+1:]}
		}
		return ImageRef{Repository: value}
	case map[string]any:
		repository, _ := value["repository"].(string)
		tag, _ := value["tag"].(string)
		return ImageRef{repository, tag}
	}
	return ImageRef{}
}

// valueChanges are the paths of the given values that differ, those of Images
// left out.
func (p *Prepared) valueChanges(stored *release.Release) []string {
	before := map[string]any{}
	overlay(before, stored.Config)
	return changedValues(before, p.values, p.desired.imagePaths())
}

// changedValues are the paths that differ, those of images left out.
func changedValues(before, after map[string]any, images []string) []string {
	var paths []string
	Differences(normal(before), normal(after), "", func(path string, _, _ any) {
		for _, image := range images {
			if path == image || strings.HasPrefix(path, image+".") {
				return
			}
		}
		paths = append(paths, path)
	})
	return paths
}

// differences calls each with every path at which a and b differ, in order. A
// map that one of them lacks counts as an empty one, so that paths are those of
// its values.
func Differences(a, b any, path string, each func(path string, a, b any)) {
	if reflect.DeepEqual(a, b) {
		return
	}
	left, leftIsMap := a.(map[string]any)
	right, rightIsMap := b.(map[string]any)
	leftList, isList := a.([]any)
	rightList, bothLists := b.([]any)
	switch {
	case (leftIsMap || a == nil) && (rightIsMap || b == nil) && len(left)+len(right) > 0:
		keys := slices.AppendSeq(slices.Collect(maps.Keys(left)), maps.Keys(right))
		slices.Sort(keys)
		for _, key := range slices.Compact(keys) {
			Differences(left[key], right[key], strings.TrimPrefix(path+"."+key, "."), each)
		}
	case isList && bothLists && len(leftList) == len(rightList):
		for i := range leftList {
			Differences(leftList[i], rightList[i], fmt.Sprintf("%s[%d]", path, i), each)
		}
	default:
		each(path, a, b)
	}
}

// normal is a value as it comes back from storage.
func normal(value any) any {
	data, err := json.Marshal(value)
	var back any
	if err != nil || json.Unmarshal(data, &back) != nil {
		return value
	}
	return back
}

// chartChanges are the names of the chart's own files that differ. Helm stores
// no subcharts, so those are not compared.
func (p *Prepared) chartChanges(stored *release.Release) ([]string, error) {
	c, err := reload(p.chart)
	if err != nil {
		return nil, fmt.Errorf("read chart %s: %w", p.desired.Chart, err)
	}
	if err := chartutil.ProcessDependenciesWithMerge(c, p.values); err != nil {
		return nil, fmt.Errorf("read chart %s: %w", p.desired.Chart, err)
	}
	var files []string
	Differences(storedFiles(stored.Chart), storedFiles(c), "", func(path string, _, _ any) {
		files = append(files, path)
	})
	return files, nil
}
