package chart

import (
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/release"
)

// changesBetween says how a stored revision differs from the one before it, in
// the words of changes: by paths, file names and images, for a value may be a
// secret. It is empty if both are made of the same.
func DiffRevisions(before, after *release.Release) []string {
	old, now := effective(before.Chart, before.Config), effective(after.Chart, after.Config)
	var images []string
	places := imagePlaces(old, now, slices.Concat(RevisionImages(before), RevisionImages(after)))
	for _, place := range places {
		path := strings.Split(place, ".")
		images = append(images, imageChange(place, imageAt(Lookup(old, path)), imageAt(Lookup(now, path))))
	}
	var files []string
	Differences(storedFiles(before.Chart), storedFiles(after.Chart), "", func(name string, _, _ any) { files = append(files, name) })
	return inWords(images, changedValues(before.Config, after.Config, places), files)
}

// imagePlaces are the paths of values that differ and are images that run: as
// one text, or as the keys repository and tag.
func imagePlaces(old, now map[string]any, used []string) []string {
	var places []string
	isImage := func(values map[string]any, path string) bool {
		return slices.Contains(used, imageAt(Lookup(values, strings.Split(path, "."))).String())
	}
	Differences(normal(old), normal(now), "", func(path string, _, _ any) {
		parent := path[:max(strings.LastIndex(path, "."), 0)]
		for _, place := range []string{path, parent} {
			if place != "" && isImage(old, place) && isImage(now, place) && !slices.Contains(places, place) {
				places = append(places, place)
			}
		}
	})
	return places
}
