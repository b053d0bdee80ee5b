// Package chart_test tests the objects that the reference stack's chart renders, without a
// cluster or golden files.
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

// environments lists the values files of each environment.
var environments = map[string][]string{
	"default": nil,
	"dev":     {chartDir + "/values-dev.yaml"},
	"ci":      {chartDir + "/values-ci.yaml"},
	"prod":    {chartDir + "/values-prod.yaml"},
}

// built sets tags for the images that tkdeploy builds.
var built = []string{
	"services.auth.image.tag=a1b2c3", "services.gateway.image.tag=d4e5f6", "services.video.image.tag=a7b8c9",
	"services.interaction.image.tag=d0e1f2", "services.notification.image.tag=a3b4c5", "services.frontend.image.tag=d6e7f8",
	"journey.image.tag=b8c9d0",
}

type object interface {
	runtime.Object
	metav1.Object
}

// stack holds all rendered objects by "Kind name".
type stack map[string]object

type rendering struct {
	files   []string
	set     []string
	cluster *cluster // nil for none, as in helm template
}

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

// stack decodes the objects. An unknown field fails the test.
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
				t.Errorf("%s: duplicate object %s", name, id)
			}
			s[id] = o
		}
	}
	return s
}

// into returns nil for registered types. The type of APIService is not registered, because
// it is in k8s.io/kube-aggregator.
func into(document string) runtime.Object {
	if strings.Contains(document, "kind: APIService\n") {
		return &unstructured.Unstructured{}
	}
	return nil
}

func render(t *testing.T, environment string, set ...string) stack {
	t.Helper()
	return rendering{files: environments[environment], set: slices.Concat(built, set)}.stack(t)
}

// get fails the test unless the object has type T.
func get[T object](t *testing.T, s stack, id string) T {
	t.Helper()
	o, ok := s[id].(T)
	if !ok {
		t.Fatalf("%s not found in %q", id, slices.Sorted(maps.Keys(s)))
	}
	return o
}

func inEveryEnvironment(t *testing.T, f func(*testing.T, stack)) {
	t.Parallel()
	for environment := range environments {
		t.Run(environment, func(t *testing.T) {
			t.Parallel()
			f(t, render(t, environment))
		})
	}
}
