package chart

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	helmchart "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// Checked is the result of [Check].
type Checked struct {
	Rendered Rendered // empty if Undecided
	Warnings []string

	// Unused lists the values paths of images that the rendered chart does not use.
	Unused []string

	// Undecided is why the chart cannot be rendered without a cluster, or nil.
	Undecided error

	prepared *Prepared
}

// DependsOnCluster reports whether the APIs, the version or the objects of a real cluster
// may change the result. It is also valid if Check has failed.
func (c Checked) DependsOnCluster() bool {
	return c.prepared != nil && (c.prepared.chart.Metadata.KubeVersion != "" || len(c.prepared.queries()) > 0)
}

// Check validates the chart and its values. It reports all problems with the values at
// once, each with file and line. Then it renders the chart, and rejects invalid objects,
// images without a fixed tag, built images that the node would pull, a chart without
// objects, objects that an objectCheck returns an error for, and a release record that is
// too large to store. Errors have class [fault.Config].
//
// If the rendering fails and a template has queried the cluster, only the cluster can
// decide, and Checked.Undecided is set instead.
func Check(d Desired, objectChecks ...func(unstructured.Unstructured) error) (Checked, error) {
	p, err := Prepare(d)
	if err != nil {
		return Checked{}, err
	}
	if t := p.chart.Metadata.Type; strings.EqualFold(t, "library") {
		return Checked{}, fault.New(fault.Config, fmt.Errorf("chart %s is a library chart: it has no objects to install", d.Chart),
			"set chart.path to the chart that depends on it")
	}
	checked := Checked{Warnings: p.warnings, prepared: p}
	r, err := p.render()
	if err != nil {
		queries := p.queries()
		if len(queries) == 0 || !p.supportsVersion() {
			return checked, err
		}
		checked.Undecided = err
		checked.Warnings = append(checked.Warnings, fmt.Sprintf("%v; it queries the cluster (%s), which decides", err, strings.Join(queries, ", ")))
		return checked, nil
	}
	checked.Rendered = r.Rendered
	checked.Unused = p.unusedImages(r.release)
	if err := p.checkRendered(r, &checked); err != nil {
		return checked, err
	}
	if err := checkPolicies(r.Rendered, d.Local); err != nil {
		return checked, err
	}
	return checked, checkObjects(r.Rendered, objectChecks)
}

func (p *Prepared) checkRendered(r rendering, checked *Checked) error {
	if len(r.sourced) == 0 && !p.definesKinds() {
		return fault.New(fault.Config, fmt.Errorf("chart %s renders no objects", p.desired.Chart),
			"check its values; to delete the release, run tkdeploy down")
	}
	invalid, doubtful := p.invalidObjects(r.sourced)
	checked.Warnings = append(checked.Warnings, doubtful...)
	if err := joinProblems(invalid, "fix the templates or the values that they use"); err != nil {
		return err
	}
	if err := p.checkImages(r.Rendered); err != nil {
		return err
	}
	return p.checkSize(r.release)
}

// unusedImages returns the values paths of images whose name or version is in no object or
// hook. A chart may omit the tag of an image with a digest.
func (p *Prepared) unusedImages(rel *release.Release) []string {
	text := strings.Join(Manifests(rel), "\n")
	var unused []string
	for _, path := range p.desired.imagePaths() {
		name, tag, digest := p.desired.Images[path].Parts()
		if !strings.Contains(text, name) || !strings.Contains(text, cmp.Or(digest, tag)) {
			unused = append(unused, path)
		}
	}
	return unused
}

func checkObjects(rendered Rendered, checks []func(unstructured.Unstructured) error) error {
	var found []string
	for _, object := range rendered.Objects {
		for _, check := range checks {
			if err := check(object); err != nil {
				found = append(found, fmt.Sprintf("%s: %v", ObjectName(object), err))
			}
		}
	}
	return joinProblems(found, "")
}

// joinProblems returns nil for none.
func joinProblems(problems []string, hint string) error {
	if len(problems) == 0 {
		return nil
	}
	return fault.New(fault.Config, errors.New(strings.Join(problems, "\n")), hint)
}

// looksUp reports whether a template of c or its subcharts, such as
// "shop/templates/web.yaml", looks up objects.
func looksUp(c *helmchart.Chart, source string) bool {
	for _, f := range c.Templates {
		if strings.HasSuffix(source, "/"+f.Name) && bytes.Contains(f.Data, []byte("lookup")) {
			return true
		}
	}
	return slices.ContainsFunc(c.Dependencies(), func(sub *helmchart.Chart) bool { return looksUp(sub, source) })
}
