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

// Objects parses the documents of a manifest, in order, and replaces lists by their
// items. It splits them as Helm does, so a block scalar at the end keeps its last line
// break. With an error, which contains no line of the manifest, it also returns the valid
// objects.
func Objects(manifest string) ([]unstructured.Unstructured, error) {
	return objectsMatching(manifest, func([]byte) bool { return true })
}

func objectsMatching(manifest string, matches func(document []byte) bool) ([]unstructured.Unstructured, error) {
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
		if !matches(document) {
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
		return nil, fmt.Errorf("invalid YAML")
	}
	if string(json) == "null" {
		return nil, nil
	}
	var object unstructured.Unstructured
	if err := object.UnmarshalJSON(json); err != nil {
		return nil, fmt.Errorf("not a Kubernetes object")
	}
	if !object.IsList() {
		return []unstructured.Unstructured{object}, nil
	}
	list, err := object.ToList()
	if err != nil {
		return nil, fmt.Errorf("invalid list")
	}
	return list.Items, nil
}

// ObjectName returns a name for messages: "Deployment auth-service".
func ObjectName(o unstructured.Unstructured) string { return o.GetKind() + " " + o.GetName() }

type containerImage struct{ container, ref, policy string }

func containerImages(o unstructured.Unstructured) []containerImage {
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
				policy, _ := Lookup(each, []string{"imagePullPolicy"}).(string)
				found = append(found, containerImage{name, ref, policy})
			}
		}
	}
	return found
}

// Autoscalers returns the autoscalers, keyed by the "Kind/name" that they scale.
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
