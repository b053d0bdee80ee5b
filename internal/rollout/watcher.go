package rollout

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/client-go/kubernetes"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/health"
)

// A Watcher looks at the workloads of one cluster. It needs to get, list and
// watch the workloads' kinds, replicasets, pods and pods/log; where it may also
// read events, persistentvolumeclaims and nodes its explanations are better.
// Make it with [New].
type Watcher struct {
	Client kubernetes.Interface

	// Limits decide. The zero value means [DefaultLimits].
	Limits Limits

	// Thresholds decide what is fatal. The zero value means [health.DefaultThresholds].
	Thresholds health.Thresholds

	// Timeout ends a wait; 0 leaves that to the context.
	Timeout time.Duration

	// Redact removes secrets from text that the cluster's objects and logs
	// bring in. Nil removes nothing.
	Redact func(string) string

	// Kubectl is how [Cause.Command] begins, with the kubeconfig if need be;
	// empty is "kubectl".
	Kubectl string

	reconnect func() // closes the client's connections; nil if it has none of its own
}

// Status says how far the objects are, in their order, and what keeps them. It
// makes one list request for each kind and namespace. Its error has class
// [fault.Undecided], or [fault.Environment] if access was refused.
func (w *Watcher) Status(ctx context.Context, objects []health.Object) ([]health.Workload, error) {
	s, err := w.read(ctx, objects)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	workloads := health.ComputeStatus(s, w.thresholds(), now)
	causes := w.redactAll(health.Diagnose(s, w.thresholds(), now))
	for i := range workloads {
		for _, c := range causes {
			if c.Object == workloads[i].Object {
				workloads[i].Causes = append(workloads[i].Causes, c)
			}
		}
	}
	return workloads, nil
}

// read lists all sources once, at the same time.
func (w *Watcher) read(ctx context.Context, objects []health.Object) (health.Snapshot, error) {
	sources := listWatches(w.Client, objects)
	c := newCache(sources, time.Now())
	updates := make([]update, len(sources))
	var wg sync.WaitGroup
	for i, src := range sources {
		wg.Go(func() {
			objects, _, err := reflector{source: src, limits: w.limits()}.list(ctx)
			updates[i] = update{source: i, all: objects, err: err}
		})
	}
	wg.Wait()
	for _, u := range updates {
		c.apply(u, time.Now())
	}
	if err := ctx.Err(); err != nil {
		return health.Snapshot{}, fmt.Errorf("look at the workloads: %w", err)
	}
	if e := c.unavailable(); e != nil {
		return health.Snapshot{}, apiError(e.err)
	}
	return c.snapshot(objects), nil
}

// Wait returns nil when all objects are ready in one and the same look: every
// wanted pod is of the newest revision and available, a Job is complete.
//
// It reports progress of each workload and when it is ready. It ends early with
// a [*Failure] when a cause that cannot heal has outlived its grace, and with a
// *Failure that explains every workload when the time is up. Errors of class
// [fault.Undecided] mean that the API server did not answer for
// [Limits.APITimeout], of class [fault.Environment] that access was refused; a
// cancelled context gives an error that wraps [context.Canceled].
//
// Nothing goes on in the background when Wait has returned.
func (w *Watcher) Wait(ctx context.Context, objects []health.Object, report event.Reporter) error {
	if len(objects) == 0 {
		return nil
	}
	if w.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, w.Timeout)
		defer cancel()
	}
	r := newRun(w, objects, report)
	stop := r.start(ctx)
	err := r.loop(ctx)
	stop()
	var failure *Failure
	if !errors.As(err, &failure) {
		return err
	}
	w.addLogs(ctx, failure)
	r.show.failed(failure)
	return failure.fault()
}

func (w *Watcher) limits() Limits {
	if w.Limits == (Limits{}) {
		return DefaultLimits()
	}
	return w.Limits
}

func (w *Watcher) thresholds() health.Thresholds {
	if w.Thresholds == (health.Thresholds{}) {
		return health.DefaultThresholds()
	}
	return w.Thresholds
}

// apiError gives a failed request its class and next step.
func apiError(err error) error {
	if isDenied(err) {
		return fault.New(fault.Environment, err, "The kubeconfig's user needs to get, list and watch these objects in the namespace.")
	}
	return fault.New(fault.Inconclusive, err, "Is the cluster running? Look at it, then run the command again.")
}
