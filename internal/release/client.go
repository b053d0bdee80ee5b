package release

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/kubeerr"
	"tkdeploy.dev/tkdeploy/internal/redact"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/crds"
	"tkdeploy.dev/tkdeploy/internal/release/drift"
	"tkdeploy.dev/tkdeploy/internal/release/helmkube"
	"tkdeploy.dev/tkdeploy/internal/release/kubeclient"
)

// Target identifies a release.
type Target struct {
	Config    *rest.Config
	Namespace string
	Name      string
}

// RunningHook is a hook that runs, and the objects of the release that exist already.
type RunningHook = helmkube.RunningHook

// HookWatcher waits until the Jobs and Pods of a hook are complete.
type HookWatcher = helmkube.HookWatcher

// Extent is how many objects of a release an operation has changed.
type Extent = helmkube.Extent

// HookError is the error of a hook that did not complete.
type HookError = helmkube.HookError

// Options configures a Client. The zero value uses the defaults.
type Options struct {
	Now           func() time.Time // default time.Now
	HookTimeout   time.Duration    // for each hook; default 5m
	Grace         time.Duration    // for Helm to finish after cancellation; default 25s, so a run ends within 30s
	NamespaceWait time.Duration    // for a terminating namespace to disappear; default 60s
	NamespacePoll time.Duration    // interval; default 500ms

	// WatchHook watches the hooks of a release, instead of Helm, which reports no
	// reasons. It may be nil.
	WatchHook HookWatcher

	// Secrets are masked in the output of hooks, besides those of the release.
	Secrets []redact.Entry

	User, Host string // recorded with new revisions; may be empty
}

// Client observes and changes one release. It is not safe for concurrent use. If a
// context ended during a call, the Client may reject all requests.
type Client struct {
	name      string
	namespace string
	opts      Options

	helm    *action.Configuration
	actions *helmkube.Client
	kube    kubernetes.Interface
	drift   *drift.Client
	crds    *crds.Client
	mapper  meta.RESTMapper
	gate    *kubeclient.Gate
	log     *kubeclient.Log
	writes  *atomic.Int64 // excluding release records
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.HookTimeout = cmp.Or(o.HookTimeout, 5*time.Minute)
	o.Grace = cmp.Or(o.Grace, 25*time.Second)
	o.NamespaceWait = cmp.Or(o.NamespaceWait, time.Minute)
	o.NamespacePoll = cmp.Or(o.NamespacePoll, 500*time.Millisecond)
	return o
}

func (c *Client) desired(d chart.Desired) chart.Desired {
	d.Name, d.Namespace = c.name, c.namespace
	return d
}

func (c *Client) String() string { return c.namespace + "/" + c.name }

func (c *Client) since(start time.Time) time.Duration { return c.opts.Now().Sub(start) }

func count(happened bool) int {
	if happened {
		return 1
	}
	return 0
}

func (c *Client) namespacedObjects(manifest string) ([]unstructured.Unstructured, error) {
	all, err := chart.Objects(manifest)
	if err != nil {
		return nil, err
	}
	for i := range all {
		gvk := all[i].GroupVersionKind()
		mapping, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
		if err == nil && all[i].GetNamespace() == "" && mapping.Scope.Name() == "namespace" {
			all[i].SetNamespace(c.namespace)
		}
	}
	return all, nil
}

// applyError sets the class Apply, or Inconclusive if the API server did not respond. It
// keeps an existing class, except for an unhealthy hook, and a cancellation.
func applyError(err error) error {
	var hook *HookError
	if errors.As(err, &hook) && fault.ClassOf(err) == fault.Unhealthy {
		return fault.New(fault.Apply, err, fault.HintOf(err))
	}
	return kubeerr.Classify(fault.Apply, err)
}

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// rollbackError sets the class Rollback, but keeps Inconclusive and a cancellation.
func rollbackError(err error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled), fault.ClassOf(applyError(err)) == fault.Inconclusive:
		return applyError(err)
	}
	return fault.New(fault.Rollback, err, fault.HintOf(err))
}

func (c *Client) downError(err error) error {
	if isContextError(err) {
		return err
	}
	return fault.New(fault.Down, err, `run "tkdeploy down" again; list the remaining objects: kubectl get all,pvc,secrets -n `+c.namespace)
}
