package helmkube

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"helm.sh/helm/v3/pkg/kube"
	"helm.sh/helm/v3/pkg/release"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/redact"
)

// Client replaces parts of Helm's client. Actions run one at a time, each within an
// [Operation].
type Client struct {
	*kube.Client

	// Secrets are masked in the output of hooks, besides those of the release.
	Secrets []redact.Entry

	// KeptReplicas returns the replicas that an autoscaler has set: an update keeps
	// them. It may be nil.
	KeptReplicas func(kind, namespace, name string) (replicas int64, ok bool)

	owner  func(*unstructured.Unstructured) // marks an object as the release's own
	watch  HookWatcher                      // nil: Helm watches the hooks
	writes *atomic.Int64                    // of Client
	op     atomic.Pointer[Operation]
}

var (
	_ kube.Interface                    = (*Client)(nil)
	_ kube.InterfaceExt                 = (*Client)(nil)
	_ kube.InterfaceLogs                = (*Client)(nil)
	_ kube.InterfaceDeletionPropagation = (*Client)(nil)
)

// New returns a Client. own marks an object as one of the release, and writes counts the
// successful writes of client. If watch is nil, Helm waits for the hooks.
func New(client *kube.Client, own func(*unstructured.Unstructured), watch HookWatcher, writes *atomic.Int64) *Client {
	c := &Client{Client: client, owner: own, watch: watch, writes: writes}
	c.op.Store(&Operation{})
	return c
}

// Build parses a manifest. It does not validate hooks, as Helm would with a schema of
// several megabytes, because the dry run has done so.
func (c *Client) Build(manifest io.Reader, _ bool) (kube.ResourceList, error) {
	data, err := io.ReadAll(manifest)
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	c.op.Load().learnSecrets(string(data))
	return c.Client.Build(bytes.NewReader(data), false)
}

// Create creates the objects of a release or of a hook. Helm marks only those of a
// release with their owner.
func (c *Client) Create(objects kube.ResourceList) (*kube.Result, error) {
	if !isHook(objects) {
		return c.apply(objects, func() (*kube.Result, error) { return c.Client.Create(objects) })
	}
	for _, info := range objects {
		if o, ok := info.Object.(*unstructured.Unstructured); ok {
			c.owner(o)
		}
	}
	return c.Client.Create(objects)
}

// DeleteWithPropagationPolicy deletes the objects of a release. Helm deletes those of
// hooks with Delete.
func (c *Client) DeleteWithPropagationPolicy(objects kube.ResourceList, policy metav1.DeletionPropagation) (*kube.Result, []error) {
	result, errs := c.Client.DeleteWithPropagationPolicy(objects, policy)
	c.op.Load().applied(All, nil)
	return result, errs
}

func isHook(objects kube.ResourceList) bool {
	return slices.ContainsFunc(contents(objects), func(o unstructured.Unstructured) bool { return o.GetAnnotations()[release.HookAnnotation] != "" })
}

func contents(objects kube.ResourceList) []unstructured.Unstructured {
	var found []unstructured.Unstructured
	for _, info := range objects {
		if o, ok := info.Object.(*unstructured.Unstructured); ok {
			found = append(found, *o)
		}
	}
	return found
}

// WatchUntilReady waits until the Jobs and Pods of a hook are complete. Other kinds are
// ready when they exist, as in Helm.
func (c *Client) WatchUntilReady(objects kube.ResourceList, timeout time.Duration) error {
	op := c.op.Load()
	hook := RunningHook{Release: op.appliedObjects()}
	for _, o := range contents(objects) {
		if o.GetKind() == "Job" || o.GetKind() == "Pod" {
			hook.Jobs = append(hook.Jobs, o)
		}
	}
	if len(hook.Jobs) == 0 {
		return nil
	}
	return op.await(hook, func() error {
		if c.watch == nil {
			return c.Client.WatchUntilReady(objects, timeout)
		}
		ctx, cancel := op.context(timeout)
		defer cancel()
		judge := func(ctx context.Context) error {
			return c.watch(ctx, hook, timeout, op.redact, event.ReporterFunc(op.send))
		}
		if pods := namesOf(hook.Jobs, "Pod"); len(pods) > 0 {
			return c.awaitPods(ctx, hook.Jobs[0].GetNamespace(), pods, judge)
		}
		return judge(ctx)
	})
}

func namesOf(objects []unstructured.Unstructured, kind string) []string {
	var names []string
	for _, o := range objects {
		if o.GetKind() == kind {
			names = append(names, o.GetName())
		}
	}
	return names
}

// HookOutput returns the writer for the log of a hook with the annotation
// helm.sh/hook-output-log-policy.
func (c *Client) HookOutput(_, pod, _ string) io.Writer {
	op := c.op.Load()
	return &logWriter{op: op, item: op.hookOf(pod)}
}
