package release

import (
	"fmt"
	"strings"

	"helm.sh/helm/v3/pkg/chartutil"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

// Check reads the chart and its values and touches no cluster. It finds, all
// of a kind at once and with file and line: syntax errors, duplicate and
// unknown keys, maps over scalars and the other way round, violations of the
// chart's schema; then templates that do not render, images without a tag or
// with the tag latest, and a release record that is too large to be stored.
// Errors are of class [fault.Config].
func Check(d Desired) error {
	p, err := prepare(d)
	if err != nil {
		return err
	}
	rendered, err := p.render()
	if err != nil {
		return err
	}
	if err := checkImages(rendered); err != nil {
		return err
	}
	return p.checkSize(rendered)
}

// check gives the problems of the values.
func (p *prepared) check() (strictyaml.Problems, error) {
	problems := append(p.problems, p.unknownKeys()...)
	if len(p.problems) > 0 {
		return problems, nil // the layers do not fit: nothing to validate
	}
	c, err := reload(p.chart)
	if err != nil {
		return nil, fmt.Errorf("read chart %s: %w", p.Chart, err)
	}
	if err := chartutil.ProcessDependenciesWithMerge(c, p.values); err != nil {
		return nil, fault.New(fault.Config, fmt.Errorf("read chart %s: %w", p.Chart, err), "")
	}
	values, err := chartutil.CoalesceValues(c, p.values)
	if err != nil {
		return nil, fault.New(fault.Config, fmt.Errorf("layer values: %w", err), "")
	}
	for _, problem := range p.schemaProblems(c, values) {
		if !told(problems, problem) {
			problems = append(problems, problem)
		}
	}
	return problems, nil
}

// told is true if the same was found before, perhaps with a better hint.
func told(problems strictyaml.Problems, p strictyaml.Problem) bool {
	for _, old := range problems {
		old.Hint = p.Hint
		if old == p {
			return true
		}
	}
	return false
}

// checkImages refuses images whose tag does not say which image is meant: the
// node would pull "latest" anew, or run another build than the one tested.
func checkImages(rendered Rendered) error {
	var found []string
	for _, object := range append(rendered.Objects, rendered.Hooks...) {
		for _, image := range images(object) {
			if why := untagged(image.ref); why != "" {
				found = append(found, fmt.Sprintf("%s %s: container %s: image %q %s",
					object.GetKind(), object.GetName(), image.container, image.ref, why))
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	return fault.New(fault.Config, fmt.Errorf("%s", strings.Join(found, "\n")),
		"give each image a tag of its own in the values, or by images in tkdeploy.yaml")
}

// untagged says what is wrong with an image reference's tag, or "".
func untagged(ref string) string {
	name, digest, _ := strings.Cut(ref, "@")
	_, tag, _ := strings.Cut(name[strings.LastIndex(name, "/")+1:], ":")
	switch {
	case ref == "":
		return "is empty"
	case tag == "latest":
		return "has the tag latest"
	case tag == "" && digest == "":
		return "has no tag"
	}
	return ""
}
