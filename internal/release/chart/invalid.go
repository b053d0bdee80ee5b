package chart

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/kubernetes/scheme"
	kjson "sigs.k8s.io/json"
)

// invalidObjects returns what the API server would reject in each object, with its
// template. doubtful are those of templates that look up objects in the cluster, which
// may render something else there.
func (p *Prepared) invalidObjects(objects []sourced) (invalid, doubtful []string) {
	first := map[string]string{} // source by object
	for _, o := range objects {
		problems := objectProblems(o)
		if id := p.objectID(o.Unstructured); !o.isHook { // two hooks may share an object
			if source := first[id]; source != "" {
				problems = append(problems, "is rendered twice, first by "+source)
			}
			first[id] = o.source
		}
		for _, problem := range problems {
			text := fmt.Sprintf("%s: %s: %s", o.source, ObjectName(o.Unstructured), problem)
			if looksUp(p.chart, o.source) {
				doubtful = append(doubtful, text)
			} else {
				invalid = append(invalid, text)
			}
		}
	}
	return invalid, doubtful
}

func (p *Prepared) objectID(o unstructured.Unstructured) string {
	namespace := o.GetNamespace()
	if namespace == "" {
		namespace = p.desired.Namespace
	}
	return o.GroupVersionKind().GroupKind().String() + " " + namespace + "/" + o.GetName()
}

func objectProblems(o sourced) []string {
	var problems []string
	if o.GetAPIVersion() == "" {
		problems = append(problems, "apiVersion is missing")
	}
	if o.GetName() == "" && (!o.isHook || o.GetGenerateName() == "") { // Helm finds objects by name
		problems = append(problems, "metadata.name is missing")
	}
	places := [][]string{{"metadata"}}
	if gvk := o.GroupVersionKind(); podSpecs[gvk.Group+"/"+gvk.Kind] != nil {
		places = append(places, []string{"spec", "template", "metadata"})
	}
	for _, at := range places {
		where := strings.Join(at, ".")
		labels, _ := Lookup(o.Object, append(slices.Clone(at), "labels")).(map[string]any)
		problems = append(problems, stringProblems(where+".labels", labels)...)
		for _, key := range slices.Sorted(maps.Keys(labels)) {
			if value, ok := labels[key].(string); ok {
				for _, problem := range validation.IsValidLabelValue(value) {
					problems = append(problems, fmt.Sprintf("%s: %s is invalid: %s", where+".labels", key, problem))
				}
			}
		}
		annotations, _ := Lookup(o.Object, append(slices.Clone(at), "annotations")).(map[string]any)
		problems = append(problems, stringProblems(where+".annotations", annotations)...)
	}
	if len(problems) > 0 {
		return problems
	}
	if problem := typeProblem(o.Unstructured); problem != "" {
		problems = append(problems, problem)
	}
	return problems
}

func stringProblems(where string, values map[string]any) []string {
	var problems []string
	for _, key := range slices.Sorted(maps.Keys(values)) {
		switch values[key].(type) {
		case string, nil:
		case bool:
			problems = append(problems, fmt.Sprintf("%s: %s is true or false, want a string: quote it in the template", where, key))
		case int64, float64:
			problems = append(problems, fmt.Sprintf("%s: %s is a number, want a string: quote it in the template", where, key))
		default:
			problems = append(problems, fmt.Sprintf("%s: %s is a map or a list, want a string", where, key))
		}
	}
	return problems
}

// typeError matches the error of a JSON decoder: it has no value, which may be secret.
var typeError = regexp.MustCompile(`cannot unmarshal (\S+) into Go struct field [^.\s]*\.(\S+) of type (\S+)`)

// typeProblem decodes an object of a built-in kind as the API server does.
func typeProblem(o unstructured.Unstructured) string {
	typed, err := scheme.Scheme.New(o.GroupVersionKind())
	if err != nil {
		return "" // a custom kind
	}
	data, err := json.Marshal(o.Object)
	if err == nil {
		err = kjson.UnmarshalCaseSensitivePreserveInts(data, typed)
	}
	if err == nil {
		return ""
	}
	if match := typeError.FindStringSubmatch(err.Error()); match != nil {
		return fmt.Sprintf("%s: got %s, want %s", match[2], match[1], goType(match[3]))
	}
	return "cannot be read as " + o.GroupVersionKind().Kind + ": " + err.Error()
}

// goType returns the name of a Go type in terms of YAML.
func goType(name string) string {
	switch {
	case strings.HasPrefix(name, "int") || strings.HasPrefix(name, "float"):
		return "number"
	case strings.HasPrefix(name, "[]"):
		return "list"
	case strings.HasPrefix(name, "map["), strings.Contains(name, "."):
		return "map"
	}
	return name
}
