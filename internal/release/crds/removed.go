package crds

import (
	"context"
	"fmt"

	"helm.sh/helm/v3/pkg/kube"
	"helm.sh/helm/v3/pkg/release"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

// Removed returns the definitions in before that are not in after and that Helm would
// delete with all resources of their kind.
func Removed(before, after []unstructured.Unstructured) []unstructured.Unstructured {
	kept := map[string]bool{}
	for _, o := range after {
		kept[o.GetKind()+"/"+o.GetName()] = true
	}
	var removed []unstructured.Unstructured
	for _, o := range before {
		if Is(o) && !kept[o.GetKind()+"/"+o.GetName()] && o.GetAnnotations()[kube.ResourcePolicyAnno] != kube.KeepPolicy {
			removed = append(removed, o)
		}
	}
	return removed
}

// WarnKept warns about the definitions that crds/ of the last revision had and crds/ of
// the chart has not.
func (c *Client) WarnKept(last *release.Release, p *chart.Prepared, report event.Reporter) {
	if last == nil || last.Chart == nil {
		return
	}
	before, err := chart.DefinitionsOf(last.Chart)
	if err != nil {
		return // only a warning
	}
	after, err := p.Definitions()
	if err != nil {
		return
	}
	for _, o := range Removed(before, after) {
		report.Report(event.Warn(fmt.Sprintf("%s is no longer in the chart's folder crds/, but is kept: deleting it deletes all resources of its kind", name(o))))
	}
}

// Guard refuses an upgrade that would delete a definition with resources of others. A
// definition that has moved to crds/ is not deleted. before is the revision in the
// cluster, or nil.
func (c *Client) Guard(ctx context.Context, before, after *release.Release, p *chart.Prepared) error {
	if before == nil {
		return nil
	}
	old, err := chart.Objects(before.Manifest)
	if err != nil {
		return fmt.Errorf("read the manifest of revision %d of %s: %w", before.Version, c.Drift, err)
	}
	kept, err := p.Definitions()
	if err != nil {
		return err
	}
	desired, err := chart.Objects(after.Manifest)
	if err != nil {
		return fmt.Errorf("read the rendered manifest of %s: %w", c.Drift, err)
	}
	for _, o := range Removed(old, append(kept, desired...)) {
		foreign, err := c.foreign(ctx, o)
		if err != nil {
			return fmt.Errorf("upgrade release %s: %w", c.Drift, err)
		}
		if len(foreign) > 0 {
			return fault.New(fault.Apply,
				fmt.Errorf("upgrade release %s: the chart no longer contains %s, and deleting it would delete resources of others: %s", c.Drift, name(o), chart.ListNames(foreign)),
				fmt.Sprintf("to keep it: kubectl annotate crd %s %s=%s; otherwise delete these resources first (no object of the release was changed)", o.GetName(), kube.ResourcePolicyAnno, kube.KeepPolicy))
		}
	}
	return nil
}

// foreign returns the resources of the defined kind that are not the release's:
// "Widget shop/one".
func (c *Client) foreign(ctx context.Context, definition unstructured.Unstructured) ([]string, error) {
	resource, err := c.Drift.ResourceFor(definition)
	if err != nil {
		return nil, err
	}
	live, err := resource.Get(ctx, definition.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && live.GetAnnotations()[kube.ResourcePolicyAnno] == kube.KeepPolicy {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	kind, versions := Defines(*live)
	if len(versions) == 0 {
		return nil, nil
	}
	mapping, err := c.Drift.Mapper.RESTMapping(kind, versions[0])
	if meta.IsNoMatchError(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	all, err := c.Drift.Live.Resource(mapping.Resource).List(ctx, metav1.ListOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the resources of kind %s: %w", kind.Kind, err)
	}
	var foreign []string
	for i := range all.Items {
		o := &all.Items[i]
		if c.Drift.Owns(o) {
			continue
		}
		name := o.GetName()
		if o.GetNamespace() != "" {
			name = o.GetNamespace() + "/" + name
		}
		foreign = append(foreign, kind.Kind+" "+name)
	}
	return foreign, nil
}
