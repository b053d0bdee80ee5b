package rollout

import (
	"context"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"tkdeploy.dev/tkdeploy/internal/health"
)

// customKind is a kind of custom resources in a namespace, or in the cluster if the
// namespace is empty. The first list discovers its resource, because its definition
// may be new.
type customKind struct {
	kind      health.Kind
	namespace string
	discovery discovery.DiscoveryInterfaceWithContext
	client    dynamic.Interface

	mu        sync.Mutex
	resource  schema.GroupVersionResource // empty: not found yet
	hasStatus bool
}

// List returns an empty list if the API server does not know the kind.
func (k *customKind) List(ctx context.Context, o metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	resource, err := k.find(ctx)
	if resource.Empty() || err != nil {
		return &unstructured.UnstructuredList{}, err
	}
	return k.client.Resource(resource).Namespace(k.namespace).List(ctx, o)
}

// Watch returns no events if the API server does not know the kind.
func (k *customKind) Watch(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	resource, err := k.find(ctx)
	if resource.Empty() || err != nil {
		return watch.NewEmptyWatch(), err
	}
	return k.client.Resource(resource).Namespace(k.namespace).Watch(ctx, o)
}

// find does not hold the lock during requests: an evaluation needs it, too.
func (k *customKind) find(ctx context.Context) (schema.GroupVersionResource, error) {
	if resource, _ := k.found(); !resource.Empty() {
		return resource, nil
	}
	kind, _ := k.kind.Custom()
	groups, err := k.discovery.ServerGroupsWithContext(ctx)
	if err != nil {
		return schema.GroupVersionResource{}, err
	}
	for _, group := range groups.Groups {
		if group.Name != kind.Group {
			continue
		}
		all, err := k.discovery.ServerResourcesForGroupVersionWithContext(ctx, group.PreferredVersion.GroupVersion)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return schema.GroupVersionResource{}, err
		}
		k.choose(kind, group.PreferredVersion.Version, all.APIResources)
	}
	resource, _ := k.found()
	return resource, nil
}

func (k *customKind) found() (resource schema.GroupVersionResource, hasStatus bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.resource, k.hasStatus
}

func (k *customKind) choose(kind schema.GroupKind, version string, all []metav1.APIResource) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range all {
		if name, sub, _ := strings.Cut(r.Name, "/"); r.Kind == kind.Kind {
			k.hasStatus = k.hasStatus || sub == "status"
			k.resource = schema.GroupVersionResource{Group: kind.Group, Version: version, Resource: name}
		}
	}
}

// customListWatches returns nothing without a client of custom resources.
func customListWatches(client kubernetes.Interface, live dynamic.Interface, objects []health.Object) []listWatch {
	if live == nil {
		return nil
	}
	var all []listWatch
	seen := map[health.Object]bool{}
	for _, o := range objects {
		kind, ok := o.Kind.Custom()
		source := health.Object{Kind: o.Kind, Namespace: o.Namespace}
		if !ok || seen[source] {
			continue
		}
		seen[source] = true
		name := strings.ToLower(kind.Kind) + " resources"
		if o.Namespace != "" {
			name += " in namespace " + o.Namespace
		}
		k := &customKind{kind: o.Kind, namespace: o.Namespace, client: live, discovery: discovery.ToDiscoveryInterfaceWithContext(client.Discovery())}
		lw := newListWatch[*unstructured.UnstructuredList](name, true, k)
		lw.custom = k
		all = append(all, lw)
	}
	return all
}
