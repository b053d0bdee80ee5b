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

	"tkdeploy.dev/tkdeploy/internal/release/chart/values"
)

const maxListedNames = 3

// Changes returns the differences from a stored release with another fingerprint. It
// shows only paths, files and images, because values may be secret.
func (p *Prepared) Changes(stored *release.Release) ([]string, error) {
	files, err := p.chartChanges(stored)
	if err != nil {
		return nil, err
	}
	return summarize(p.imageChanges(stored), p.valueChanges(stored), files), nil
}

func summarize(images, paths, files []string) []string {
	found := images
	if len(paths) > 0 {
		found = append(found, "values changed: "+ListNames(paths))
	}
	if len(files) > 0 {
		found = append(found, "chart changed: "+ListNames(files))
	}
	if len(found) == 0 {
		found = []string{"chart or values changed"}
	}
	return found
}

// ListNames joins names: "a, b, c and 2 more".
func ListNames(names []string) string {
	if more := len(names) - maxListedNames; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxListedNames], ", "), more)
	}
	return strings.Join(names, ", ")
}

// imageChanges compares the effective images, because --set may override the built ones.
func (p *Prepared) imageChanges(stored *release.Release) []string {
	var found []string
	before, after := effectiveValues(stored.Chart, stored.Config), effectiveValues(p.chart, p.values)
	for _, path := range p.desired.imagePaths() {
		keys := strings.Split(path, ".")
		if old, now := imageAt(Lookup(before, keys)), imageAt(Lookup(after, keys)); old.String() != now.String() {
			found = append(found, imageChange(path, old, now))
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
			return ImageRef{Repository: value[:i], Tag: value[i+1:]}
		}
		return ImageRef{Repository: value}
	case map[string]any:
		repository, _ := value["repository"].(string)
		tag, _ := value["tag"].(string)
		digest, _ := value["digest"].(string)
		switch algorithm, encoded, _ := strings.Cut(digest, ":"); {
		case digest == "":
			return ImageRef{Repository: repository, Tag: tag}
		case tag == "":
			return ImageRef{Repository: repository + "@" + algorithm, Tag: encoded}
		}
		return ImageRef{Repository: repository, Tag: tag + "@" + digest}
	}
	return ImageRef{}
}

func (p *Prepared) valueChanges(stored *release.Release) []string {
	before := map[string]any{}
	values.Overlay(before, stored.Config)
	return changedValues(before, p.values, p.desired.imagePaths())
}

func changedValues(before, after map[string]any, images []string) []string {
	var paths []string
	Differences(normalize(before), normalize(after), "", func(path string, _, _ any) {
		for _, image := range images {
			if path == image || strings.HasPrefix(path, image+".") {
				return
			}
		}
		paths = append(paths, path)
	})
	return paths
}

// Differences calls each, in order, for every path at which a and b differ, including
// those in a map that exists on one side only.
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

func normalize(value any) any {
	data, err := json.Marshal(value)
	var back any
	if err != nil || json.Unmarshal(data, &back) != nil {
		return value
	}
	return back
}

// chartChanges ignores subcharts, because Helm does not store them.
func (p *Prepared) chartChanges(stored *release.Release) ([]string, error) {
	c, err := copyChart(p.chart)
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
