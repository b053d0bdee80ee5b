package release

import (
	"cmp"
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart"
	"tkdeploy.dev/tkdeploy/internal/release/drift"
	"tkdeploy.dev/tkdeploy/internal/release/kubeclient"
)

// A Target says where a release is.
type Target struct {
	Config    *rest.Config // of the cluster; it is copied
	Namespace string
	Name      string
}

// Options tune a Client. The zero value has the defaults.
type Options struct {
	Now           func() time.Time // default time.Now
	HookTimeout   time.Duration    // for each of the chart's hooks; default 5 min
	Grace         time.Duration    // for a Helm call to end after cancellation; default 25 s: with the rest of the way out, a run ends within 30
	NamespaceWait time.Duration    // for a terminating namespace to go; default 60 s
	NamespacePoll time.Duration    // how often it is looked at; default 500 ms

	User, Host string // who writes revisions, and where; noted in their labels; may be empty
}

// A Client observes and changes one release. Its methods are not to be called
// at the same time. After a method returned because its context ended, the
// Client may refuse all further work.
type Client struct {
	name      string
	namespace string
	opts      Options

	helm   *action.Configuration
	kube   kubernetes.Interface
	drift  *drift.Client
	mapper meta.RESTMapper
	gate   *kubeclient.Gate
	log    *kubeclient.Log
	writes *atomic.Int64 // of Helm to objects, records of the release not counted
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

// desired is d as far as it is this Client's to say.
func (c *Client) desired(d chart.Desired) chart.Desired {
	d.Name, d.Namespace = c.name, c.namespace
	return d
}

func (c *Client) String() string { return c.namespace + "/" + c.name }

// failed gives an error the class Apply, or Undecided if the API server did not
// answer. One that has a class already, and ctx's, stay as they are.
func failed(err error) error {
	var unanswered net.Error
	switch {
	case isEnd(err), fault.ClassOf(err) != "":
		return err
	case errors.As(err, &unanswered):
		return fault.New(fault.Inconclusive, err, "see whether the cluster is up, and run again: what was begun is taken up")
	}
	return fault.New(fault.Apply, err, "")
}

// isEnd tells that the context ended.
func isEnd(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func (c *Client) since(start time.Time) time.Duration { return c.opts.Now().Sub(start) }

func count(happened bool) int {
	if happened {
		return 1
	}
	return 0
}

// placedObjects fills in the namespace of namespaced objects. One whose kind
// the cluster does not know stays as it is.
func (c *Client) placedObjects(manifest string) ([]unstructured.Unstructured, error) {
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

// rollbackFailed gives an error the class Rollback, unless it is ctx's or says
// that the API server did not answer.
func rollbackFailed(err error) error {
	switch {
	case err == nil, isEnd(err), fault.ClassOf(failed(err)) == fault.Inconclusive:
		return failed(err)
	}
	return fault.New(fault.Rollback, err, fault.HintOf(err))
}
