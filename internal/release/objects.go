package release

import (
	"fmt"
	"slices"

	"helm.sh/helm/v3/pkg/releaseutil"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// objects parses a manifest of YAML documents in their order. Lists are
// replaced by their items. Error texts hold no line of the manifest.
func objects(manifest string) ([]unstructured.Unstructured, error) {
	documents := releaseutil.SplitManifests(manifest)
	names := make([]string, 0, len(documents))
	for name := range documents {
		names = append(names, name)
	}
	slices.SortFunc(names, compareManifestNames)
	var all []unstructured.Unstructured
	for i, name := range names {
		parsed, err := parseObject(documents[name])
		if err != nil {
			return nil, fmt.Errorf("document %d of the manifest: %w", i+1, err)
		}
		all = append(all, parsed...)
	}
	return all, nil
}

// compareManifestNames orders "manifest-2" before "manifest-10".
func compareManifestNames(a, b string) int {
	sorted := releaseutil.BySplitManifestsOrder{a, b}
	switch {
	case a == b:
		return 0
	case sorted.Less(0, 1):
		return -1
	}
	return 1
}

func parseObject(document string) ([]unstructured.Unstructured, error) {
	json, err := yaml.YAMLToJSON([]byte(document))
	if err != nil {
		return nil, fmt.Errorf("is no valid YAML")
	}
	if string(json) == "null" {
		return nil, nil
	}
	var object unstructured.Unstructured
	if err := object.UnmarshalJSON(json); err != nil {
		return nil, fmt.Errorf("is no Kubernetes object")
	}
	if !object.IsList() {
		return []unstructured.Unstructured{object}, nil
	}
	list, err := object.ToList()
	if err != nil {
		return nil, fmt.Errorf("is no valid list")
	}
	return list.Items, nil
}

// named is an object as messages name it: "Deployment auth-service".
func named(o unstructured.Unstructured) string { return o.GetKind() + " " + o.GetName() }

type containerImage struct{ container, ref string }

// images are those of an object's containers, wherever its pod spec is.
func images(o unstructured.Unstructured) []containerImage {
	var found []containerImage
	for _, path := range [][]string{
		{"spec"},
		{"spec", "template", "spec"},
		{"spec", "jobTemplate", "spec", "template", "spec"},
	} {
		for _, list := range []string{"initContainers", "containers", "ephemeralContainers"} {
			containers, _ := lookup(o.Object, append(slices.Clone(path), list)).([]any)
			for _, each := range containers {
				name, _ := lookup(each, []string{"name"}).(string)
				ref, _ := lookup(each, []string{"image"}).(string)
				found = append(found, containerImage{name, ref})
			}
		}
	}
	return found
}
