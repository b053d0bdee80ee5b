package chart

import (
	"errors"
	"fmt"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/release"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// Rendered is the output of the chart's templates.
type Rendered struct {
	Objects  []unstructured.Unstructured
	Hooks    []unstructured.Unstructured
	Manifest string // the objects as YAML documents
	Notes    string
}

// Render renders the chart without a cluster. Do not compare the result with another one
// or with live objects: the template function lookup returns nothing, so a generated
// secret differs each time.
func Render(d Desired) (Rendered, error) {
	p, err := Prepare(d)
	if err != nil {
		return Rendered{}, err
	}
	r, err := p.render()
	return r.Rendered, err
}

// sourced is an object and its template, such as "shop/templates/web.yaml".
type sourced struct {
	unstructured.Unstructured
	source string
	isHook bool
}

// rendering is a rendered chart with what only its checks need.
type rendering struct {
	Rendered
	release *release.Release
	sourced []sourced
}

func (p *Prepared) render() (rendering, error) {
	rel, err := p.renderRelease()
	if err != nil {
		return rendering{}, p.renderError(err)
	}
	r := rendering{Rendered: Rendered{Manifest: rel.Manifest, Notes: rel.Info.Notes}, release: rel}
	var bad error
	err = eachDocument(rel.Manifest, func(source string, document []byte) {
		objects, err := parseObject(document)
		if err != nil {
			bad = errors.Join(bad, fmt.Errorf("%s: %w", source, err))
		}
		r.Objects = append(r.Objects, objects...)
		r.addSourced(objects, source, false)
	})
	for _, hook := range rel.Hooks {
		objects, err := Objects(hook.Manifest)
		if err != nil {
			bad = errors.Join(bad, fmt.Errorf("%s: %w", hook.Path, err))
		}
		r.Hooks = append(r.Hooks, objects...)
		r.addSourced(objects, hook.Path, true)
	}
	if err := errors.Join(bad, err); err != nil {
		return rendering{}, p.renderError(err)
	}
	return r, nil
}

func (r *rendering) addSourced(objects []unstructured.Unstructured, source string, isHook bool) {
	for _, o := range objects {
		r.sourced = append(r.sourced, sourced{o, source, isHook})
	}
}

func (p *Prepared) renderError(err error) error {
	return fault.New(fault.Config, fmt.Errorf("render chart %s: %w", p.desired.Chart, err), "")
}

func (p *Prepared) renderRelease() (*release.Release, error) {
	c, err := copyChart(p.chart)
	if err != nil {
		return nil, err
	}
	version, err := chartutil.ParseKubeVersion(p.desired.Cluster.version())
	if err != nil {
		return nil, err
	}
	install := action.NewInstall(&action.Configuration{Log: discardLog})
	install.ClientOnly = true
	install.DryRun = true
	install.ReleaseName = p.desired.Name
	install.Namespace = p.desired.Namespace
	install.KubeVersion = version
	install.APIVersions = p.desired.Cluster.APIVersions
	install.SkipSchemaValidation = true // the values are checked without the network
	return install.Run(c, runtime.DeepCopyJSON(p.values))
}

func discardLog(string, ...any) {}
