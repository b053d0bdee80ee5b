package drift

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
)

// ManagedByLabel is the label that Helm sets on every object it applies.
const ManagedByLabel = "app.kubernetes.io/managed-by"

const (
	helmManager         = "Helm"
	nameAnnotation      = "meta.helm.sh/release-name"
	namespaceAnnotation = "meta.helm.sh/release-namespace"
)

// Client compares one release with the cluster.
type Client struct {
	Kube      kubernetes.Interface
	Live      dynamic.Interface
	Mapper    meta.RESTMapper
	Namespace string
	Name      string

	kept keptReplicas
}

func (c *Client) String() string { return c.Namespace + "/" + c.Name }

// Owns reports whether Helm's annotations assign a live object to the release.
func (c *Client) Owns(live *unstructured.Unstructured) bool {
	return Owner(live) == c.String()
}

// Owner returns the release to which Helm's annotations assign a live object:
// "shop/web", or "".
func Owner(live *unstructured.Unstructured) string {
	annotations := live.GetAnnotations()
	if annotations[nameAnnotation] == "" {
		return ""
	}
	return annotations[namespaceAnnotation] + "/" + annotations[nameAnnotation]
}

// LiveNamespace returns the release's namespace, or nil if it does not exist.
func (c *Client) LiveNamespace(ctx context.Context) (*corev1.Namespace, error) {
	ns, err := c.Kube.CoreV1().Namespaces().Get(ctx, c.Namespace, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read namespace %s: %w", c.Namespace, err)
	}
	return ns, nil
}

// ResourceFor returns the client for o, in the release's namespace by default.
func (c *Client) ResourceFor(o unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	gvk := o.GroupVersionKind()
	mapping, err := c.Mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		return nil, err
	}
	if mapping.Scope.Name() != "namespace" {
		return c.Live.Resource(mapping.Resource), nil
	}
	namespace := o.GetNamespace()
	if namespace == "" {
		namespace = c.Namespace
	}
	return c.Live.Resource(mapping.Resource).Namespace(namespace), nil
}

// Own sets the annotations that [Client.Owns] checks.
func (c *Client) Own(o *unstructured.Unstructured) {
	annotations := o.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[nameAnnotation] = c.Name
	annotations[namespaceAnnotation] = c.Namespace
	o.SetAnnotations(annotations)
}

func (c *Client) withOwnership(o unstructured.Unstructured) unstructured.Unstructured {
	o = *o.DeepCopy()
	labels := o.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[ManagedByLabel] = helmManager
	o.SetLabels(labels)
	c.Own(&o)
	return o
}
