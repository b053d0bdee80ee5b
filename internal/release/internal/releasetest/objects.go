package releasetest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/scheme"
	kjson "sigs.k8s.io/json"
)

func (s *Server) handle(r *http.Request) (int, any) {
	path, dry := r.URL.Path, r.URL.Query().Get("dryRun") != ""
	old, exists := s.objects[path]
	body, _ := io.ReadAll(r.Body)
	switch r.Method {
	case http.MethodGet:
		if exists {
			return 200, old
		}
		if resource := s.collection(path); resource != nil {
			return s.list(path, resource.Kind, r.URL.Query().Get("labelSelector"))
		}
	case http.MethodDelete:
		if exists {
			delete(s.objects, path)
			return 200, old
		}
	case http.MethodPost:
		return s.store(path, nil, body, dry, r)
	case http.MethodPut:
		return s.store(path, old, body, dry, r)
	case http.MethodPatch:
		if r.Header.Get("Content-Type") == string(types.ApplyPatchType) {
			return s.apply(path, old, body, dry, r)
		}
		if exists {
			return s.patch(path, old, body, dry, r)
		}
	}
	return Status(404, metav1.StatusReasonNotFound, path+" not found")
}

func (s *Server) collection(path string) *metav1.APIResource {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for _, resources := range s.kinds() {
		for _, r := range resources {
			if r.Name == parts[len(parts)-1] {
				return &r
			}
		}
	}
	return nil
}

func (s *Server) list(path, kind, selector string) (int, any) {
	want, err := labels.Parse(selector)
	if err != nil {
		return Status(400, metav1.StatusReasonBadRequest, err.Error())
	}
	items := []any{}
	for _, name := range slices.Sorted(maps.Keys(s.objects)) {
		rest, inside := strings.CutPrefix(name, path+"/")
		set := labels.Set{}
		found, _ := lookup(s.objects[name], []string{"metadata", "labels"}).(map[string]any)
		for k, v := range found {
			set[k] = fmt.Sprint(v)
		}
		if inside && !strings.Contains(rest, "/") && want.Matches(set) {
			items = append(items, s.objects[name])
		}
	}
	return 200, map[string]any{"kind": kind + "List", "apiVersion": "v1", "metadata": map[string]any{}, "items": items}
}

func (s *Server) patch(path string, old map[string]any, patch []byte, dry bool, r *http.Request) (int, any) {
	before, _ := json.Marshal(old)
	var after []byte
	typed, err := scheme.Scheme.New(gvkOf(old))
	switch merge := r.Header.Get("Content-Type") == string(types.MergePatchType); {
	case merge:
		after, err = mergePatch(old, patch)
	case err != nil:
		return Status(415, metav1.StatusReasonUnsupportedMediaType, err.Error())
	default:
		after, err = strategicpatch.StrategicMergePatch(before, patch, typed)
	}
	if err != nil {
		return Status(400, metav1.StatusReasonBadRequest, err.Error())
	}
	return s.store(path, old, after, dry, r)
}

func mergePatch(old map[string]any, patch []byte) ([]byte, error) {
	var content map[string]any
	if err := json.Unmarshal(patch, &content); err != nil {
		return nil, err
	}
	return json.Marshal(merged(old, content))
}

func merged(old, patch map[string]any) map[string]any {
	result := maps.Clone(old)
	if result == nil {
		result = map[string]any{}
	}
	for key, value := range patch {
		inner, isMap := value.(map[string]any)
		before, _ := old[key].(map[string]any)
		switch {
		case value == nil:
			delete(result, key)
		case isMap:
			result[key] = merged(before, inner)
		default:
			result[key] = value
		}
	}
	return result
}

func (s *Server) apply(path string, old map[string]any, body []byte, dry bool, r *http.Request) (int, any) {
	var object map[string]any
	if err := json.Unmarshal(body, &object); err != nil {
		return Status(400, metav1.StatusReasonBadRequest, err.Error())
	}
	for _, field := range []string{"labels", "annotations"} {
		merged, _ := lookup(old, []string{"metadata", field}).(map[string]any)
		merged = maps.Clone(merged)
		if merged == nil {
			merged = map[string]any{}
		}
		desired, _ := lookup(object, []string{"metadata", field}).(map[string]any)
		maps.Copy(merged, desired)
		if len(merged) > 0 {
			object["metadata"].(map[string]any)[field] = merged
		}
	}
	if old["status"] != nil {
		object["status"] = old["status"]
	}
	if old == nil {
		path = path[:strings.LastIndex(path, "/")]
	}
	body, _ = json.Marshal(object)
	return s.store(path, old, body, dry, r)
}

func gvkOf(o map[string]any) schema.GroupVersionKind {
	apiVersion, _ := o["apiVersion"].(string)
	kind, _ := o["kind"].(string)
	return schema.FromAPIVersionAndKind(apiVersion, kind)
}

func (s *Server) store(path string, old map[string]any, body []byte, dry bool, r *http.Request) (int, any) {
	var object map[string]any
	if err := json.Unmarshal(body, &object); err != nil {
		return Status(400, metav1.StatusReasonBadRequest, err.Error())
	}
	typed, err := scheme.Scheme.New(gvkOf(object))
	if err != nil {
		return s.save(path, old, object, dry)
	}
	strict, err := kjson.UnmarshalStrict(body, typed)
	if err != nil || len(strict) > 0 && r.URL.Query().Get("fieldValidation") == "Strict" {
		return Status(400, metav1.StatusReasonBadRequest, fmt.Sprint("strict decoding error: ", strict, err))
	}
	data, _ := json.Marshal(typed)
	object = nil
	_ = json.Unmarshal(data, &object)
	return s.save(path, old, object, dry)
}

func (s *Server) save(path string, old, object map[string]any, dry bool) (int, any) {
	name, _ := lookup(object, []string{"metadata", "name"}).(string)
	if old == nil {
		path += "/" + name
		if s.objects[path] != nil {
			return Status(409, metav1.StatusReasonAlreadyExists, name+" already exists")
		}
	}
	if version := lookup(object, []string{"metadata", "resourceVersion"}); old != nil && version != nil && version != lookup(old, []string{"metadata", "resourceVersion"}) {
		return Status(409, metav1.StatusReasonConflict, name+" has been modified")
	}
	s.fillIn(object)
	if code, refusal := validate(old, object); refusal != nil {
		return code, refusal
	}
	if !dry {
		s.objects[path] = object
	}
	return 200, object
}

func (s *Server) fillIn(o map[string]any) {
	spec, _ := o["spec"].(map[string]any)
	switch o["kind"] {
	case "Deployment":
		if spec["replicas"] == nil {
			spec["replicas"] = float64(1)
		}
		spec["progressDeadlineSeconds"] = float64(600)
	case "CustomResourceDefinition":
		o["status"] = map[string]any{"conditions": []any{map[string]any{"type": "Established", "status": "True"}}}
	case "Service":
		spec["clusterIP"] = "10.0.0.1"
	case "StatefulSet":
		claims, _ := spec["volumeClaimTemplates"].([]any)
		for _, claim := range claims {
			claim := claim.(map[string]any)
			claim["apiVersion"], claim["kind"] = "v1", "PersistentVolumeClaim"
			claim["spec"].(map[string]any)["volumeMode"] = "Filesystem"
			claim["status"] = map[string]any{"phase": "Pending"}
		}
	}
	metadata := o["metadata"].(map[string]any)
	metadata["resourceVersion"] = fmt.Sprint(len(s.writes))
}

func validate(old, object map[string]any) (int, any) {
	name, _ := lookup(object, []string{"metadata", "name"}).(string)
	size, _ := lookup(object, []string{"spec", "size"}).(float64)
	switch {
	case object["kind"] == "CustomResourceDefinition" && len(versionsOf(old)) > 0 && !reflect.DeepEqual(versionsOf(old), versionsOf(object)):
		return Status(422, metav1.StatusReasonInvalid,
			fmt.Sprintf(`CustomResourceDefinition.apiextensions.k8s.io %q is invalid: status.storedVersions[0]: Invalid value: "v1": must appear in spec.versions`, name))
	case object["kind"] == "Widget" && lookup(object, []string{"spec", "size"}) == float64(9):
		return Status(422, metav1.StatusReasonInvalid, fmt.Sprintf(`Widget.example.com %q is invalid: spec.size: Invalid value: 9: too large`, name))
	case object["kind"] == "Deployment" && old != nil &&
		!reflect.DeepEqual(lookup(old, []string{"spec", "selector"}), lookup(object, []string{"spec", "selector"})):
		return Status(422, metav1.StatusReasonInvalid,
			fmt.Sprintf(`Deployment.apps %q is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"x"}}: field is immutable`, name))
	case object["kind"] == "PersistentVolumeClaim" && old != nil &&
		!reflect.DeepEqual(lookup(old, []string{"spec", "volumeName"}), lookup(object, []string{"spec", "volumeName"})):
		return Status(422, metav1.StatusReasonInvalid, fmt.Sprintf(`PersistentVolumeClaim %q is invalid: spec: Forbidden: spec is immutable after creation`, name))
	case object["kind"] == "Gadget" && size > 5:
		return Status(422, metav1.StatusReasonInvalid, fmt.Sprintf(`Gadget.example.com %q is invalid: spec.size: Invalid value: %v: should be less than or equal to 5`, name, size))
	case object["kind"] == "Secret" && lookup(object, []string{"data", "FORBIDDEN"}) != nil:
		return Status(422, metav1.StatusReasonInvalid,
			fmt.Sprintf(`Secret %q is invalid: data: Invalid value: %v: not allowed here`, name, object["data"]))
	}
	return 0, nil
}

func versionsOf(definition map[string]any) []any {
	var names []any
	versions, _ := lookup(definition, []string{"spec", "versions"}).([]any)
	for _, v := range versions {
		names = append(names, v.(map[string]any)["name"])
	}
	return names
}

func lookup(object map[string]any, path []string) any {
	value, _, _ := unstructured.NestedFieldNoCopy(object, path...)
	return value
}
