package chart

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
)

// kubeVersion is the default to render with. It matches client-go in go.mod: 0.37 is
// Kubernetes 1.37. The default of the Helm SDK is 1.20.
const kubeVersion = "v1.37.0"

// Cluster is what templates can find out about a cluster with .Capabilities.
type Cluster struct {
	KubeVersion string   // "v1.37.0"; "" is that of client-go
	APIVersions []string // all APIs, such as "example.com/v1" and "example.com/v1/Kind"; nil if unknown
}

func (c Cluster) version() string { return cmp.Or(c.KubeVersion, kubeVersion) }

// supportsVersion reports whether the chart is made for the cluster's version.
func (p *Prepared) supportsVersion() bool {
	limits := p.chart.Metadata.KubeVersion
	return limits == "" || chartutil.IsCompatibleRange(limits, p.desired.Cluster.version())
}

// definesKinds reports whether the chart has files in crds/.
func (p *Prepared) definesKinds() bool { return len(p.chart.CRDObjects()) > 0 }

// queries returns what the templates query of a cluster without a result: objects, and
// APIs that it may have. It stops at the first lookup.
func (p *Prepared) queries() []string {
	r := &recorder{}
	c, err := copyChart(p.chart)
	if err != nil {
		return r.queries
	}
	config := runtime.DeepCopyJSON(p.values)
	if chartutil.ProcessDependenciesWithMerge(c, config) != nil {
		return r.queries
	}
	version, err := chartutil.ParseKubeVersion(p.desired.Cluster.version())
	if err != nil {
		return r.queries
	}
	options := chartutil.ReleaseOptions{Name: p.desired.Name, Namespace: p.desired.Namespace, IsInstall: true, Revision: 1}
	top, err := chartutil.ToRenderValuesWithSchemaValidation(c, config, options, nil, true)
	if err != nil {
		return r.queries
	}
	apis := slices.Concat(chartutil.DefaultVersionSet, p.desired.Cluster.APIVersions)
	versions := recordedVersions{known: apis}
	if len(p.desired.Cluster.APIVersions) == 0 || p.definesKinds() { // Helm installs crds/ first
		versions.recorder = r
	}
	top["Capabilities"] = &recordedCapabilities{*version, versions, chartutil.DefaultCapabilities.HelmVersion}
	_, _ = engine.RenderWithClientProvider(c, top, r) // the error is known
	return r.queries
}

// recorder implements [engine.ClientProvider].
type recorder struct{ queries []string }

func (r *recorder) add(query string) {
	if !slices.Contains(r.queries, query) {
		r.queries = append(r.queries, query)
	}
}

var errRecorded = errors.New("lookup without a cluster")

// GetClientFor is called by the template function lookup.
func (r *recorder) GetClientFor(apiVersion, kind string) (dynamic.NamespaceableResourceInterface, bool, error) {
	r.add(fmt.Sprintf("lookup of %s %s", apiVersion, kind))
	return nil, false, errRecorded
}

// recordedCapabilities has the fields of [chartutil.Capabilities].
type recordedCapabilities struct {
	KubeVersion chartutil.KubeVersion
	APIVersions recordedVersions
	HelmVersion any
}

type recordedVersions struct {
	known    chartutil.VersionSet
	recorder *recorder // nil if all APIs are known
}

// Has replaces [chartutil.VersionSet.Has].
func (v recordedVersions) Has(api string) bool {
	known := v.known.Has(api)
	if !known && v.recorder != nil {
		v.recorder.add("API " + api)
	}
	return known
}
