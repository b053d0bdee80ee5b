package chart

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// Check validates the chart and its values. It reports all problems with the values at
// once, each with file and line. Then it renders the chart, and rejects images without a
// fixed tag, built images that the node would pull, objects that an objectCheck
// returns an error for, and a release record that is too large to store. Errors have class
// [fault.Config].
func Check(d Desired, objectChecks ...func(unstructured.Unstructured) error) error {
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
	if err := checkPolicies(rendered, d.Local); err != nil {
		return err
	}
	if err := checkObjects(rendered, objectChecks); err != nil {
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

// checkPolicies rejects built images with imagePullPolicy Always: the kubelet asks a
// registry, which does not have them, instead of using the loaded image.
func checkPolicies(rendered Rendered, local []string) error {
	var found []string
	for _, object := range append(rendered.Objects, rendered.Hooks...) {
		for _, image := range containerImages(object) {
			if image.policy == "Always" && slices.Contains(local, image.ref) {
				name, _, _ := strings.Cut(image.ref, ":")
				found = append(found, fmt.Sprintf("%s: container %s: imagePullPolicy Always: the node would pull image %s, which is only loaded into it",
					ObjectName(object), image.container, name))
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	return fault.New(fault.Config, errors.New(strings.Join(found, "\n")), "set imagePullPolicy to IfNotPresent in the chart or its values")
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
	if len(found) == 0 {
		return nil
	}
	return fault.New(fault.Config, errors.New(strings.Join(found, "\n")), "")
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
