package releasetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Server is a small API server with discovery, dry runs, patches, definitions of custom
// resources and a few validation rules. It normalizes objects by a round trip through the
// Go types. Server-side apply replaces spec and merges labels and annotations.
type Server struct {
	URL string // empty for a server without a network

	mu      sync.Mutex
	objects map[string]map[string]any // by path
	writes  []string                  // "PATCH /apis/apps/…", without dry runs
	before  func(w http.ResponseWriter, r *http.Request) (handled bool)
}

var builtIn = map[string][]metav1.APIResource{
	"v1": {
		{Name: "namespaces", Kind: "Namespace"},
		{Name: "configmaps", Kind: "ConfigMap", Namespaced: true},
		{Name: "secrets", Kind: "Secret", Namespaced: true},
		{Name: "services", Kind: "Service", Namespaced: true},
		{Name: "pods", Kind: "Pod", Namespaced: true},
		{Name: "persistentvolumeclaims", Kind: "PersistentVolumeClaim", Namespaced: true},
	},
	"apps/v1": {
		{Name: "deployments", Kind: "Deployment", Namespaced: true},
		{Name: "statefulsets", Kind: "StatefulSet", Namespaced: true},
	},
	"batch/v1":                {{Name: "jobs", Kind: "Job", Namespaced: true}},
	"autoscaling/v2":          {{Name: "horizontalpodautoscalers", Kind: "HorizontalPodAutoscaler", Namespaced: true}},
	"apiextensions.k8s.io/v1": {{Name: "customresourcedefinitions", Kind: "CustomResourceDefinition"}},
	"example.com/v1":          {{Name: "gadgets", Kind: "Gadget", Namespaced: true}}, // a custom resource
}

// kinds returns the built-in kinds and those of the stored definitions.
func (s *Server) kinds() map[string][]metav1.APIResource {
	all := maps.Clone(builtIn)
	for path, o := range s.objects {
		if !strings.HasPrefix(path, definitionPath) || lookup(o, []string{"status", "conditions"}) == nil {
			continue
		}
		group, _ := lookup(o, []string{"spec", "group"}).(string)
		kind, _ := lookup(o, []string{"spec", "names", "kind"}).(string)
		plural, _ := lookup(o, []string{"spec", "names", "plural"}).(string)
		versions, _ := lookup(o, []string{"spec", "versions"}).([]any)
		for _, v := range versions {
			gv := fmt.Sprint(group, "/", v.(map[string]any)["name"])
			all[gv] = append(slices.Clone(all[gv]), metav1.APIResource{Name: plural, Kind: kind, Namespaced: lookup(o, []string{"spec", "scope"}) == "Namespaced"})
		}
	}
	return all
}

const definitionPath = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"

// NewServer starts a server and closes it after the test.
func NewServer(t *testing.T) *Server {
	t.Helper()
	s := NewUnconnected()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// NewUnconnected returns a server without a network.
func NewUnconnected() *Server { return &Server{objects: map[string]map[string]any{}} }

// Intercept calls before for each request. A handled request is not served.
func (s *Server) Intercept(before func(http.ResponseWriter, *http.Request) (handled bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = before
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
	Respond(w, code, body)
}

// Respond writes body as JSON.
func Respond(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

func (s *Server) discover(w http.ResponseWriter, r *http.Request) bool {
	kinds := s.kinds()
	switch path := strings.Trim(r.URL.Path, "/"); {
	case path == "version":
		Respond(w, 200, map[string]string{"major": "1", "minor": "37", "gitVersion": "v1.37.0"})
	case path == "api":
		Respond(w, 200, metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}})
	case path == "apis":
		var groups metav1.APIGroupList
		for gv := range kinds {
			if group, version, ok := strings.Cut(gv, "/"); ok {
				v := metav1.GroupVersionForDiscovery{GroupVersion: gv, Version: version}
				groups.Groups = append(groups.Groups, metav1.APIGroup{Name: group, Versions: []metav1.GroupVersionForDiscovery{v}, PreferredVersion: v})
			}
		}
		Respond(w, 200, groups)
	case kinds[strings.TrimPrefix(strings.TrimPrefix(path, "apis/"), "api/")] != nil:
		gv := strings.TrimPrefix(strings.TrimPrefix(path, "apis/"), "api/")
		resources := slices.Clone(kinds[gv])
		for i := range resources {
			resources[i].Verbs = metav1.Verbs{"get", "list", "create", "update", "patch", "delete"}
		}
		Respond(w, 200, metav1.APIResourceList{GroupVersion: gv, APIResources: resources})
	default:
		return false
	}
	return true
}

// Status returns the code and the body of an error response.
func Status(code int, reason metav1.StatusReason, message string) (int, any) {
	return code, metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Code: int32(code), Reason: reason, Message: message}
}

// Set changes a live object.
func (s *Server) Set(t *testing.T, path string, change func(o map[string]any)) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.objects[path] == nil {
		t.Fatalf("no object at %s, only %v", path, slices.Sorted(maps.Keys(s.objects)))
	}
	change(s.objects[path])
}

// Remove deletes a live object.
func (s *Server) Remove(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, path)
}

// Get returns a live object, or nil.
func (s *Server) Get(path string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.objects[path]
}

// TakeWrites returns the writes since the last call.
func (s *Server) TakeWrites() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	writes := s.writes
	s.writes = nil
	return writes
}

// Put stores a live object without validation.
func (s *Server) Put(path string, object map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[path] = object
}

// Paths returns the paths of all objects, sorted.
func (s *Server) Paths() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.objects))
}

// Clone returns an unconnected server with the same objects.
func (s *Server) Clone() *Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Server{objects: maps.Clone(s.objects), writes: slices.Clone(s.writes)}
}

// State describes all objects without times and random values, and release records only
// by name and labels.
func (s *Server) State() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []any
	for _, path := range slices.Sorted(maps.Keys(s.objects)) {
		o := s.objects[path]
		labels, _ := lookup(o, []string{"metadata", "labels"}).(map[string]any)
		labels = maps.Clone(labels)
		delete(labels, "createdAt")
		delete(labels, "modifiedAt")
		all = append(all, path, labels, o["spec"], lookup(o, []string{"metadata", "annotations"}))
	}
	data, _ := json.Marshal(all)
	return string(data)
}
