package chart

import (
	"fmt"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// Check reads the chart and its values and touches no cluster. It finds, all
// of a kind at once and with file and line: syntax errors, duplicate and
// unknown keys, maps over scalars and the other way round, violations of the
// chart's schema; then templates that do not render, images without a tag or
// with the tag latest, and a release record that is too large to be stored.
// Errors are of class [fault.Config].
func Check(d Desired) error {
	p, err := Prepare(d)
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
