package crds

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

const (
	establishTimeout = 30 * time.Second // the API server needs a second
	establishPoll    = 100 * time.Millisecond
)

// Apply applies changes with server-side apply, reports each, and waits until the API
// server serves the kinds that they define. It leaves objects of other releases alone.
func (c *Client) Apply(ctx context.Context, changes []Change, report event.Reporter) error {
	for _, change := range changes {
		if change.Owner != "" {
			report.Report(event.Warn(change.String()))
			continue
		}
		resource, err := c.Drift.ResourceFor(change.object)
		if err != nil {
			return fmt.Errorf("apply %s: %w", name(change.object), err)
		}
		if _, err := patch(ctx, resource, change.object, false); err != nil {
			return fmt.Errorf("apply %s: %w", name(change.object), err)
		}
		report.Report(event.Finished(name(change.object), event.Done, map[bool]string{true: "created", false: "changed"}[change.New], 0, 1))
		if !Is(change.object) {
			continue
		}
		if err := c.await(ctx, change.object); err != nil {
			return fmt.Errorf("apply %s: %w", name(change.object), err)
		}
	}
	return nil
}

// await waits until the definition is established and in the API server's discovery.
func (c *Client) await(ctx context.Context, o unstructured.Unstructured) error {
	missing := "no status"
	err := wait.PollUntilContextTimeout(ctx, establishPoll, establishTimeout, true, func(ctx context.Context) (bool, error) {
		resource, err := c.Drift.ResourceFor(o)
		if err != nil {
			return false, err
		}
		live, err := resource.Get(ctx, o.GetName(), metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		if refused := conditionMessage(live, "NamesAccepted", "False"); refused != "" {
			return false, fault.New(fault.Apply, fmt.Errorf("its names are not accepted: %s", refused), "delete the other definition of these names, or rename this one")
		}
		if conditionMessage(live, "Established", "True") == "" {
			missing = "it is not established"
			return false, nil
		}
		missing = "its kind is not in the API server's discovery"
		return c.served(o)
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		return fault.New(fault.Inconclusive, fmt.Errorf("after %s, %s", establishTimeout, missing), "check the API server, then run the command again")
	}
	return err
}

// served resets the mapper, which caches the API server's discovery.
func (c *Client) served(o unstructured.Unstructured) (bool, error) {
	kind, versions := Defines(o)
	meta.MaybeResetRESTMapper(c.Drift.Mapper)
	for _, version := range versions {
		if _, err := c.Drift.Mapper.RESTMapping(kind, version); meta.IsNoMatchError(err) {
			return false, nil
		} else if err != nil {
			return false, err
		}
	}
	return true, nil
}

// Defines returns the kind that a definition defines and its served versions.
func Defines(o unstructured.Unstructured) (kind schema.GroupKind, versions []string) {
	kind.Group, _, _ = unstructured.NestedString(o.Object, "spec", "group")
	kind.Kind, _, _ = unstructured.NestedString(o.Object, "spec", "names", "kind")
	all, _, _ := unstructured.NestedSlice(o.Object, "spec", "versions")
	for _, each := range all {
		version, _ := each.(map[string]any)
		if served, _ := version["served"].(bool); served {
			name, _ := version["name"].(string)
			versions = append(versions, name)
		}
	}
	return kind, versions
}

// conditionMessage returns the message of a condition that has the status, or its type
// if it has none, otherwise "".
func conditionMessage(o *unstructured.Unstructured, kind, status string) string {
	all, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, each := range all {
		c, _ := each.(map[string]any)
		if c["type"] != kind || c["status"] != status {
			continue
		}
		if message, _ := c["message"].(string); message != "" {
			return message
		}
		return kind
	}
	return ""
}
