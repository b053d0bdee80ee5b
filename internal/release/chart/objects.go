package chart

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// objects parses a manifest of YAML documents in their order, split as Helm
// splits it when it applies: a document keeps its last line break, which is part
// of a block of text at its end. Lists are replaced by their items. A document
// that cannot be read is an error, beside the objects of the others. Error texts
// hold no line of the manifest.
func Objects(manifest string) ([]unstructured.Unstructured, error) {
	return objectsIn(manifest, func([]byte) bool { return true })
}

// objectsIn are those of the wanted documents.
func objectsIn(manifest string, wanted func(document []byte) bool) ([]unstructured.Unstructured, error) {
	documents := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(manifest)))
	var all []unstructured.Unstructured
	var bad error
	for i := 1; ; i++ {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return all, bad
		}
		if err != nil {
			return all, errors.Join(bad, fmt.Errorf("document %d of the manifest: cannot be read", i))
		}
		if !wanted(document) {
			continue
		}
		parsed, err := parseObject(document)
		if err != nil {
			bad = errors.Join(bad, fmt.Errorf("document %d of the manifest: %w", i, err))
		}
		all = append(all, parsed...)
	}
}

func parseObject(document []byte) ([]unstructured.Unstructured, error) {
	json, err := yaml.YAMLToJSON(document)
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
func ObjectName(o unstructured.Unstructured) string { return o.GetKind() + " " + o.GetName() }

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
			containers, _ := Lookup(o.Object, append(slices.Clone(path), list)).([]any)
			for _, each := range containers {
				name, _ := Lookup(each, []string{"name"}).(string)
				ref, _ := Lookup(each, []string{"image"}).(string)
				found = append(found, containerImage{name, ref})
			}
		}
	}
	return found
}

// autoscalers are those of the manifest, by the "Kind/name" whose replicas they
// set.
func Autoscalers(manifest []unstructured.Unstructured) map[string]unstructured.Unstructured {
	targets := map[string]unstructured.Unstructured{}
	for _, o := range manifest {
		if o.GetKind() != "HorizontalPodAutoscaler" {
			continue
		}
		kind, _ := Lookup(o.Object, []string{"spec", "scaleTargetRef", "kind"}).(string)
		name, _ := Lookup(o.Object, []string{"spec", "scaleTargetRef", "name"}).(string)
		targets[kind+"/"+name] = o
	}
	return targets
}
