package chart

import (
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
	_, rendered, err := p.render()
	return rendered, err
}

func (p *Prepared) render() (*release.Release, Rendered, error) {
	rel, err := p.renderRelease()
	if err != nil {
		return nil, Rendered{}, p.renderError(err)
	}
	rendered := Rendered{Manifest: rel.Manifest, Notes: rel.Info.Notes}
	if rendered.Objects, err = Objects(rel.Manifest); err != nil {
		return nil, Rendered{}, p.renderError(err)
	}
	for _, hook := range rel.Hooks {
		objects, err := Objects(hook.Manifest)
		if err != nil {
			return nil, Rendered{}, p.renderError(fmt.Errorf("%s: %w", hook.Path, err))
		}
		rendered.Hooks = append(rendered.Hooks, objects...)
	}
	return rel, rendered, nil
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
