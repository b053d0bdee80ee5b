package chart

import (
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/release"
)

// DiffRevisions returns the differences between two stored revisions, like
// [Prepared.Changes].
func DiffRevisions(before, after *release.Release) []string {
	old, now := effectiveValues(before.Chart, before.Config), effectiveValues(after.Chart, after.Config)
	var images []string
	places := imagePlaces(old, now, slices.Concat(RevisionImages(before), RevisionImages(after)))
	for _, place := range places {
		path := strings.Split(place, ".")
		images = append(images, imageChange(place, imageAt(Lookup(old, path)), imageAt(Lookup(now, path))))
	}
	var files []string
	Differences(storedFiles(before.Chart), storedFiles(after.Chart), "", func(name string, _, _ any) { files = append(files, name) })
	return summarize(images, changedValues(before.Config, after.Config, places), files)
}

// imagePlaces returns the paths of changed values that are images in use.
func imagePlaces(old, now map[string]any, used []string) []string {
	var places []string
	isImage := func(values map[string]any, path string) bool {
		return slices.Contains(used, imageAt(Lookup(values, strings.Split(path, "."))).String())
	}
	Differences(normalize(old), normalize(now), "", func(path string, _, _ any) {
		parent := path[:max(strings.LastIndex(path, "."), 0)]
		for _, place := range []string{path, parent} {
			if place != "" && isImage(old, place) && isImage(now, place) && !slices.Contains(places, place) {
				places = append(places, place)
			}
		}
	})
	return places
}
