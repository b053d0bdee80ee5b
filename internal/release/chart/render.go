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

// kubeVersion is used to render without a cluster. It matches client-go in go.mod: 0.37
// is Kubernetes 1.37. The default of the Helm SDK is 1.20.
const kubeVersion = "v1.37.0"

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
	return p.render()
}

func (p *Prepared) render() (Rendered, error) {
	rel, err := p.renderRelease()
	if err != nil {
		return Rendered{}, fault.New(fault.Config, fmt.Errorf("render chart %s: %w", p.desired.Chart, err), "")
	}
	rendered := Rendered{Manifest: rel.Manifest, Notes: rel.Info.Notes}
	if rendered.Objects, err = Objects(rel.Manifest); err != nil {
		return Rendered{}, fault.New(fault.Config, fmt.Errorf("render chart %s: %w", p.desired.Chart, err), "")
	}
	if rendered.Hooks, err = Objects(hookManifests(rel)); err != nil {
		return Rendered{}, fault.New(fault.Config, fmt.Errorf("render chart %s: %w", p.desired.Chart, err), "")
	}
	return rendered, nil
}

func (p *Prepared) renderRelease() (*release.Release, error) {
	c, err := copyChart(p.chart)
	if err != nil {
		return nil, err
	}
	version, err := chartutil.ParseKubeVersion(kubeVersion)
	if err != nil {
		return nil, err
	}
	install := action.NewInstall(&action.Configuration{Log: discardLog})
	install.ClientOnly = true
	install.DryRun = true
	install.ReleaseName = p.desired.Name
	install.Namespace = p.desired.Namespace
	install.KubeVersion = version
	install.SkipSchemaValidation = true // checkValues does it without the network
	return install.Run(c, runtime.DeepCopyJSON(p.values))
}

func discardLog(string, ...any) {}
