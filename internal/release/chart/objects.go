package chart

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
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
	var all []unstructured.Unstructured
	var bad error
	i := 0
	err := eachDocument(manifest, func(source string, document []byte) {
		i++
		if !matches(document) {
			return
		}
		parsed, err := parseObject(document)
		if err != nil {
			bad = errors.Join(bad, fmt.Errorf("%s: %w", documentName(i, source), err))
		}
		all = append(all, parsed...)
	})
	return all, errors.Join(bad, err)
}

// sourceComment is Helm's comment with the template of a document.
var sourceComment = regexp.MustCompile(`(?m)^# Source: (.+)$`)

// eachDocument calls f for each document, with its template if Helm has noted it.
func eachDocument(manifest string, f func(source string, document []byte)) error {
	documents := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(manifest)))
	for i := 1; ; i++ {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("document %d of the manifest: cannot be read", i)
		}
		source := ""
		if match := sourceComment.FindSubmatch(document); match != nil {
			source = string(match[1])
		}
		f(source, document)
	}
}

func documentName(i int, source string) string {
	if source != "" {
		return source
	}
	return fmt.Sprintf("document %d of the manifest", i)
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
