package chart

import (
	"fmt"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// Check validates the chart and its values. It reports all problems with the values at
// once, each with file and line. Then it renders the chart, and rejects images without a
// fixed tag and a release record that is too large to store. Errors have class
// [fault.Config].
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

// checkImages rejects images without a fixed version: a node might run another build than
// the tested one.
func checkImages(rendered Rendered) error {
	var found []string
	for _, object := range append(rendered.Objects, rendered.Hooks...) {
		for _, image := range containerImages(object) {
			if why := tagProblem(image.ref); why != "" {
				found = append(found, fmt.Sprintf("%s %s: container %s: image %q %s",
					object.GetKind(), object.GetName(), image.container, image.ref, why))
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	return fault.New(fault.Config, fmt.Errorf("%s", strings.Join(found, "\n")),
		"set a fixed tag for each image in the values, or list the image in tkdeploy.yaml")
}

func tagProblem(ref string) string {
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
