package release

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	kjson "sigs.k8s.io/json"
)

// An apiServer is a small API server: real HTTP, discovery, dry runs, strategic
// merge patches, normal forms by a round trip through the Go types, and a few
// rules of validation.
type apiServer struct {
	*httptest.Server
	mu      sync.Mutex
	objects map[string]map[string]any // by path
	writes  []string                  // "PATCH /apis/apps/…", dry runs left out
	before  func(w http.ResponseWriter, r *http.Request) (handled bool)
}

var kinds = map[string][]metav1.APIResource{
	"v1": {
		{Name: "namespaces", Kind: "Namespace"},
		{Name: "configmaps", Kind: "ConfigMap", Namespaced: true},
		{Name: "secrets", Kind: "Secret", Namespaced: true},
		{Name: "services", Kind: "Service", Namespaced: true},
		{Name: "pods", Kind: "Pod", Namespaced: true},
	},
	"apps/v1": {
		{Name: "deployments", Kind: "Deployment", Namespaced: true},
		{Name: "statefulsets", Kind: "StatefulSet", Namespaced: true},
	},
	"batch/v1":       {{Name: "jobs", Kind: "Job", Namespaced: true}},
	"autoscaling/v2": {{Name: "horizontalpodautoscalers", Kind: "HorizontalPodAutoscaler", Namespaced: true}},
}

func newAPIServer(t *testing.T) *apiServer {
	t.Helper()
	s := unconnected()
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

// unconnected is an apiServer without a network.
func unconnected() *apiServer { return &apiServer{objects: map[string]map[string]any{}} }

func (s *apiServer) client(t *testing.T, o Options) *Client {
	t.Helper()
	return openClient(t, &rest.Config{Host: s.URL}, o)
}

func openClient(t *testing.T, config *rest.Config, o Options) *Client {
	t.Helper()
	o.Grace = max(o.Grace, 50*time.Millisecond)
	o.NamespacePoll = time.Millisecond
	config.ContentType = "application/json"
	c, err := Open(Target{Config: config, Namespace: "shop", Name: "shop"}, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// intercept lets before see each request first.
func (s *apiServer) intercept(before func(http.ResponseWriter, *http.Request) (handled bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = before
}

func (s *apiServer) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	before := s.before
	s.mu.Unlock()
	if before != nil && before(w, r) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.discover(w, r) {
		return
	}
	if r.Method != http.MethodGet && r.URL.Query().Get("dryRun") == "" {
		s.writes = append(s.writes, r.Method+" "+r.URL.Path)
	}
	code, body := s.handle(r)
	answer(w, code, body)
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

func (s *apiServer) discover(w http.ResponseWriter, r *http.Request) bool {
	switch path := strings.Trim(r.URL.Path, "/"); {
	case path == "version":
		answer(w, 200, map[string]string{"major": "1", "minor": "37", "gitVersion": "v1.37.0"})
	case path == "api":
		answer(w, 200, metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}})
	case path == "apis":
		var groups metav1.APIGroupList
		for gv := range kinds {
			if group, version, ok := strings.Cut(gv, "/"); ok {
				v := metav1.GroupVersionForDiscovery{GroupVersion: gv, Version: version}
				groups.Groups = append(groups.Groups, metav1.APIGroup{Name: group, Versions: []metav1.GroupVersionForDiscovery{v}, PreferredVersion: v})
			}
		}
		answer(w, 200, groups)
	case kinds[strings.TrimPrefix(strings.TrimPrefix(path, "apis/"), "api/")] != nil:
		gv := strings.TrimPrefix(strings.TrimPrefix(path, "apis/"), "api/")
		resources := slices.Clone(kinds[gv])
		for i := range resources {
			resources[i].Verbs = metav1.Verbs{"get", "list", "create", "update", "patch", "delete"}
		}
		answer(w, 200, metav1.APIResourceList{GroupVersion: gv, APIResources: resources})
	default:
		return false
	}
	return true
}

func status(code int, reason metav1.StatusReason, message string) (int, any) {
	return code, metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Code: int32(code), Reason: reason, Message: message}
}

func (s *apiServer) handle(r *http.Request) (int, any) {
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
	return status(404, metav1.StatusReasonNotFound, path+" not found")
}

// collection is the resource that a path lists, or nil.
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

func (s *apiServer) list(path, kind, selector string) (int, any) {
	want, err := labels.Parse(selector)
	if err != nil {
		return status(400, metav1.StatusReasonBadRequest, err.Error())
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

func (s *apiServer) patch(path string, old map[string]any, patch []byte, dry bool, r *http.Request) (int, any) {
	typed, err := scheme.Scheme.New(gvkOf(old))
	if err != nil {
		return status(415, metav1.StatusReasonUnsupportedMediaType, err.Error())
	}
	before, _ := json.Marshal(old)
	after, err := strategicpatch.StrategicMergePatch(before, patch, typed)
	if err != nil {
		return status(400, metav1.StatusReasonBadRequest, err.Error())
	}
	return s.store(path, old, after, dry, r)
}

func gvkOf(o map[string]any) schema.GroupVersionKind {
	apiVersion, _ := o["apiVersion"].(string)
	kind, _ := o["kind"].(string)
	return schema.FromAPIVersionAndKind(apiVersion, kind)
}

// store normalises and validates an object and keeps it unless dry.
func (s *apiServer) store(path string, old map[string]any, body []byte, dry bool, r *http.Request) (int, any) {
	var object map[string]any
	if err := json.Unmarshal(body, &object); err != nil {
		return status(400, metav1.StatusReasonBadRequest, err.Error())
	}
	typed, err := scheme.Scheme.New(gvkOf(object))
	if err != nil {
		return status(404, metav1.StatusReasonNotFound, err.Error())
	}
	strict, err := kjson.UnmarshalStrict(body, typed)
	if err != nil || len(strict) > 0 && r.URL.Query().Get("fieldValidation") == "Strict" {
		return status(400, metav1.StatusReasonBadRequest, fmt.Sprint("strict decoding error: ", strict, err))
	}
	data, _ := json.Marshal(typed)
	object = nil
	_ = json.Unmarshal(data, &object)
	name, _ := lookup(object, []string{"metadata", "name"}).(string)
	if old == nil {
		path += "/" + name
		if s.objects[path] != nil {
			return status(409, metav1.StatusReasonAlreadyExists, name+" already exists")
		}
	}
	if version := lookup(object, []string{"metadata", "resourceVersion"}); old != nil && version != nil && version != lookup(old, []string{"metadata", "resourceVersion"}) {
		return status(409, metav1.StatusReasonConflict, name+" was changed meanwhile")
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

// fillIn sets a few defaults, as an API server does.
func (s *apiServer) fillIn(o map[string]any) {
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
		return status(422, metav1.StatusReasonInvalid,
			fmt.Sprintf(`Deployment.apps %q is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"x"}}: field is immutable`, name))
	case object["kind"] == "Secret" && lookup(object, []string{"data", "FORBIDDEN"}) != nil:
		return status(422, metav1.StatusReasonInvalid,
			fmt.Sprintf(`Secret %q is invalid: data: Invalid value: %v: not allowed here`, name, object["data"]))
	}
	return 0, nil
}

// set changes a live object behind everyone's back.
func (s *apiServer) set(t *testing.T, path string, change func(o map[string]any)) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.objects[path] == nil {
		t.Fatalf("no object at %s: there are %v", path, slices.Sorted(maps.Keys(s.objects)))
	}
	change(s.objects[path])
}

func (s *apiServer) remove(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, path)
}

func (s *apiServer) get(path string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.objects[path]
}

// wrote gives the writes since the last call.
func (s *apiServer) wrote() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	writes := s.writes
	s.writes = nil
	return writes
}
