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

// A Client compares the objects of a release with the live ones.
type Client struct {
	Kube      kubernetes.Interface
	Live      dynamic.Interface
	Mapper    meta.RESTMapper
	Namespace string
	Name      string
}

func (c *Client) String() string { return c.Namespace + "/" + c.Name }

// Owns reports whether a live object is this release's by Helm's annotations.
func (c *Client) Owns(live *unstructured.Unstructured) bool {
	marks := live.GetAnnotations()
	return marks["meta.helm.sh/release-name"] == c.Name && marks["meta.helm.sh/release-namespace"] == c.Namespace
}

// namespaceNow is the namespace or nil.
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

// resource is where an object of the manifest lives; without a namespace of its
// own it is in the release's.
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

// owned is an object with the marks that Helm adds to what it applies.
func (c *Client) owned(o unstructured.Unstructured) unstructured.Unstructured {
	o = *o.DeepCopy()
	labels := o.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[ManagedByLabel] = helm
	o.SetLabels(labels)
	annotations := o.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations["meta.helm.sh/release-name"] = c.Name
	annotations["meta.helm.sh/release-namespace"] = c.Namespace
	o.SetAnnotations(annotations)
	return o
}
