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
		if resource := collection(path); resource != nil {
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
		if exists {
			return s.patch(path, old, body, dry, r)
		}
	}
	return Status(404, metav1.StatusReasonNotFound, path+" not found")
}

func collection(path string) *metav1.APIResource {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for _, resources := range kinds {
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
	typed, err := scheme.Scheme.New(gvkOf(old))
	if err != nil {
		return Status(415, metav1.StatusReasonUnsupportedMediaType, err.Error())
	}
	before, _ := json.Marshal(old)
	after, err := strategicpatch.StrategicMergePatch(before, patch, typed)
	if err != nil {
		return Status(400, metav1.StatusReasonBadRequest, err.Error())
	}
	return s.store(path, old, after, dry, r)
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
		return Status(404, metav1.StatusReasonNotFound, err.Error())
	}
	strict, err := kjson.UnmarshalStrict(body, typed)
	if err != nil || len(strict) > 0 && r.URL.Query().Get("fieldValidation") == "Strict" {
		return Status(400, metav1.StatusReasonBadRequest, fmt.Sprint("strict decoding error: ", strict, err))
	}
	data, _ := json.Marshal(typed)
	object = nil
	_ = json.Unmarshal(data, &object)
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
	switch {
	case object["kind"] == "Deployment" && old != nil &&
		!reflect.DeepEqual(lookup(old, []string{"spec", "selector"}), lookup(object, []string{"spec", "selector"})):
		return Status(422, metav1.StatusReasonInvalid,
			fmt.Sprintf(`Deployment.apps %q is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"x"}}: field is immutable`, name))
	case object["kind"] == "Secret" && lookup(object, []string{"data", "FORBIDDEN"}) != nil:
		return Status(422, metav1.StatusReasonInvalid,
			fmt.Sprintf(`Secret %q is invalid: data: Invalid value: %v: not allowed here`, name, object["data"]))
	}
	return 0, nil
}

func lookup(object map[string]any, path []string) any {
	value, _, _ := unstructured.NestedFieldNoCopy(object, path...)
	return value
}
