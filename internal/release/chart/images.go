package chart

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// checkImages rejects images without a fixed version: a node might run another build than
// the tested one.
func (p *Prepared) checkImages(rendered Rendered) error {
	var found, tests []string
	hint := "set a fixed tag for each image in the values, or list the image in tkdeploy.yaml"
	for _, object := range slices.Concat(rendered.Objects, rendered.Hooks) {
		if p.isSkippedTest(object) {
			continue
		}
		for _, image := range containerImages(object) {
			if why := tagProblem(image.ref); why != "" {
				found = append(found, fmt.Sprintf("%s: container %s: image %q %s", ObjectName(object), image.container, image.ref, why))
				if isTest(object) && !slices.Contains(tests, object.GetName()) {
					tests = append(tests, object.GetName())
				}
			}
		}
	}
	if len(tests) > 0 {
		hint += "; or add the test hook to verify.skip: " + strings.Join(tests, ", ") + ", with * for characters that change"
	}
	return joinProblems(found, hint)
}

// checkPolicies rejects built images with imagePullPolicy Always: the kubelet
// queries a registry, which does not have them, instead of using the loaded image.
func checkPolicies(rendered Rendered, local []string) error {
	var found []string
	for _, object := range slices.Concat(rendered.Objects, rendered.Hooks) {
		for _, image := range containerImages(object) {
			if image.policy == "Always" && slices.Contains(local, image.ref) {
				name, _, _ := strings.Cut(image.ref, ":")
				found = append(found, fmt.Sprintf("%s: container %s: imagePullPolicy Always: the node would pull image %s, which is only loaded into it",
					ObjectName(object), image.container, name))
			}
		}
	}
	return joinProblems(found, "set imagePullPolicy to IfNotPresent in the chart or its values")
}

// isSkippedTest reports whether the object is a test hook that never runs.
func (p *Prepared) isSkippedTest(o unstructured.Unstructured) bool {
	return isTest(o) && slices.ContainsFunc(p.desired.SkipTests, func(pattern string) bool {
		matches, err := path.Match(pattern, o.GetName())
		return err == nil && matches
	})
}

// TestHooks returns the names of the test hooks, in the order of Hooks.
func (r Rendered) TestHooks() []string {
	var names []string
	for _, hook := range r.Hooks {
		if isTest(hook) {
			names = append(names, hook.GetName())
		}
	}
	return names
}

func isTest(o unstructured.Unstructured) bool {
	for event := range strings.SplitSeq(o.GetAnnotations()["helm.sh/hook"], ",") {
		if event = strings.TrimSpace(event); event == "test" || event == "test-success" {
			return true
		}
	}
	return false
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

type containerImage struct{ container, ref, policy string }

// podSpecs are the places of a pod's spec, by group and kind.
var podSpecs = map[string][]string{
	"/Pod":                   {"spec"},
	"/PodTemplate":           {"template", "spec"},
	"/ReplicationController": {"spec", "template", "spec"},
	"apps/Deployment":        {"spec", "template", "spec"},
	"apps/StatefulSet":       {"spec", "template", "spec"},
	"apps/DaemonSet":         {"spec", "template", "spec"},
	"apps/ReplicaSet":        {"spec", "template", "spec"},
	"batch/Job":              {"spec", "template", "spec"},
	"batch/CronJob":          {"spec", "jobTemplate", "spec", "template", "spec"},
}

// containerImages returns the images of the object's containers. Objects of other kinds
// have none: spec.containers of a custom resource may be a patch without images.
func containerImages(o unstructured.Unstructured) []containerImage {
	gvk := o.GroupVersionKind()
	at, ok := podSpecs[gvk.Group+"/"+gvk.Kind]
	if !ok {
		return nil
	}
	var found []containerImage
	for _, list := range []string{"initContainers", "containers", "ephemeralContainers"} {
		containers, _ := Lookup(o.Object, append(slices.Clone(at), list)).([]any)
		for _, each := range containers {
			name, _ := Lookup(each, []string{"name"}).(string)
			ref, _ := Lookup(each, []string{"image"}).(string)
			policy, _ := Lookup(each, []string{"imagePullPolicy"}).(string)
			found = append(found, containerImage{name, ref, policy})
		}
	}
	return found
}
