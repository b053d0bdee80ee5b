// Package chart_test holds what the reference stack's chart promises, checked on
// what it renders: it needs no cluster and keeps no copy of the output.
package chart_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/cli/values"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/releaseutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
)

const (
	chartDir  = "../../chart"
	namespace = "tiktok-clone"
)

// environments are the values files by the environment that they are for.
var environments = map[string][]string{
	"default": nil,
	"dev":     {chartDir + "/values-dev.yaml"},
	"ci":      {chartDir + "/values-ci.yaml"},
	"prod":    {chartDir + "/values-prod.yaml"},
}

// built are the tags that tkdeploy gives to the images that it builds.
var built = []string{
	"services.auth.image.tag=a1b2c3", "services.gateway.image.tag=d4e5f6", "services.video.image.tag=a7b8c9",
	"services.interaction.image.tag=d0e1f2", "services.notification.image.tag=a3b4c5", "services.frontend.image.tag=d6e7f8",
	"journey.image.tag=b8c9d0",
}

// An object is one of the rendered ones.
type object interface {
	runtime.Object
	metav1.Object
}

// A stack is everything that a rendering gives, by "Kind name".
type stack map[string]object

// A rendering is what goes into one.
type rendering struct {
	files   []string
	set     []string
	cluster *cluster // nil: none, as for helm template
}

// run gives the rendered files, or the error of values that do not fit.
func (r rendering) run() (map[string]string, error) {
	chart, err := loader.Load(chartDir)
	if err != nil {
		return nil, err
	}
	given := values.Options{ValueFiles: r.files, Values: r.set}
	vals, err := given.MergeValues(nil)
	if err != nil {
		return nil, err
	}
	release := chartutil.ReleaseOptions{Name: "tiktok-clone", Namespace: namespace, Revision: 1, IsInstall: true}
	capabilities := chartutil.DefaultCapabilities.Copy()
	if r.cluster != nil {
		capabilities.APIVersions = append(capabilities.APIVersions, "apiregistration.k8s.io/v1")
	}
	all, err := chartutil.ToRenderValues(chart, vals, release, capabilities)
	if err != nil {
		return nil, err
	}
	if r.cluster == nil {
		return engine.Render(chart, all)
	}
	return engine.RenderWithClientProvider(chart, all, r.cluster)
}

// stack renders and decodes. A field that the API does not know fails the test.
func (r rendering) stack(t *testing.T) stack {
	t.Helper()
	files, err := r.run()
	if err != nil {
		t.Fatal(err)
	}
	strict := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	s := stack{}
	for name, content := range files {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		for _, document := range releaseutil.SplitManifests(content) {
			decoded, kind, err := strict.Decode([]byte(document), nil, into(document))
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, document)
			}
			o := decoded.(object)
			id := kind.Kind + " " + o.GetName()
			if s[id] != nil {
				t.Errorf("%s: %s is rendered twice", name, id)
			}
			s[id] = o
		}
	}
	return s
}

// into is what a document is decoded into: nil for the type that the API has
// for it, which for an APIService is in a module of the API server's own.
func into(document string) runtime.Object {
	if strings.Contains(document, "kind: APIService\n") {
		return &unstructured.Unstructured{}
	}
	return nil
}

// render is the stack of an environment with the images that tkdeploy built.
func render(t *testing.T, environment string, set ...string) stack {
	t.Helper()
	return rendering{files: environments[environment], set: slices.Concat(built, set)}.stack(t)
}

// get is the object of that ID, which must be there and a T.
func get[T object](t *testing.T, s stack, id string) T {
	t.Helper()
	o, ok := s[id].(T)
	if !ok {
		t.Fatalf("no %s, only %q", id, slices.Sorted(maps.Keys(s)))
	}
	return o
}

// inEveryEnvironment runs f on each environment's stack.
func inEveryEnvironment(t *testing.T, f func(*testing.T, stack)) {
	t.Parallel()
	for environment := range environments {
		t.Run(environment, func(t *testing.T) {
			t.Parallel()
			f(t, render(t, environment))
		})
	}
}
