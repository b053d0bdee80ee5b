// Package custom judges custom resources by their conditions. It follows the
// conventions of kstatus (sigs.k8s.io/cli-utils/pkg/kstatus), except that a resource
// without conditions is not judged instead of ready.
package custom

import (
	"cmp"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// Verdict is the state of a custom resource.
type Verdict string

// The verdicts.
const (
	Ready    Verdict = "ready"
	NotReady Verdict = "not ready"
	Unknown  Verdict = "not judged" // no condition says whether it is ready
)

// Judge returns the verdict on o and, unless it is Ready, the reason in one line.
//
// o is ready if its controller has observed its newest generation, and its condition
// Ready or, without one, Available is true. It is not ready while it is being deleted,
// or its condition Stalled or Reconciling is true.
func Judge(o *unstructured.Unstructured) (Verdict, string) {
	if o.GetDeletionTimestamp() != nil {
		return NotReady, "is being deleted"
	}
	if isBehind(o.Object, o.GetGeneration(), "status", "observedGeneration") {
		return NotReady, "its controller has not observed the newest generation yet"
	}
	byType := conditions(o)
	for _, abnormal := range []string{"Stalled", "Reconciling"} {
		if c := byType[abnormal]; c.status == "True" {
			return NotReady, c.String()
		}
	}
	for _, normal := range []string{"Ready", "Available"} {
		switch c, ok := byType[normal]; {
		case !ok:
			continue
		case c.outdated:
			return NotReady, fmt.Sprintf("condition %s is of an older generation", normal)
		case c.status != "True":
			return NotReady, c.String()
		}
		return Ready, ""
	}
	return Unknown, "has no condition Ready or Available"
}

type condition struct {
	kind, status, reason, message string
	outdated                      bool
}

// String returns "Ready is False: DoesNotExist: issuer not found".
func (c condition) String() string {
	s := fmt.Sprintf("%s is %s", c.kind, cmp.Or(c.status, "unknown"))
	for _, part := range []string{c.reason, text.OneLine(c.message)} {
		if part != "" {
			s += ": " + part
		}
	}
	return s
}

func conditions(o *unstructured.Unstructured) map[string]condition {
	byType := map[string]condition{}
	all, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, each := range all {
		content, _ := each.(map[string]any)
		field := func(name string) string {
			s, _ := content[name].(string)
			return s
		}
		kind := field("type")
		byType[kind] = condition{kind, field("status"), field("reason"), field("message"), isBehind(content, o.GetGeneration(), "observedGeneration")}
	}
	return byType
}

func isBehind(object map[string]any, generation int64, path ...string) bool {
	observed, found, err := unstructured.NestedInt64(object, path...)
	return err == nil && found && observed < generation
}
