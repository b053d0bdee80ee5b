package rollout

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/health"
)

// Watcher watches the workloads of one cluster. It must be allowed to get, list
// and watch the workloads' kinds, custom ones included, replicasets, pods and
// pods/log, and to delete stuck pods. Access to events, persistentvolumeclaims,
// nodes and pods/proxy improves its explanations. Use [New] to create one.
type Watcher struct {
	Client  kubernetes.Interface
	Dynamic dynamic.Interface // reads custom resources

	Suspended map[health.Object]bool // by the chart; see [health.Snapshot]

	// Others are workloads that may heal a problem of those that a wait is for. It does
	// not wait for them.
	Others []health.Object

	Limits     Limits            // default: [DefaultLimits]
	Thresholds health.Thresholds // default: [health.DefaultThresholds]

	// DeleteStuckPods makes a wait delete the unready pods that block it, for their
	// controllers to recreate.
	DeleteStuckPods bool

	// Timeout limits a wait unless it is 0.
	Timeout time.Duration

	// Redact removes secrets from texts and logs. It may be nil.
	Redact func(string) string

	// Kubectl is copied to [Failure.Kubectl].
	Kubectl string

	reconnect func() // closes connections; may be nil
}

// Status returns the status of each object with its causes. It sends one list
// request per kind and namespace. API errors have class [fault.Inconclusive], or
// [fault.Environment] if access was denied.
func (w *Watcher) Status(ctx context.Context, objects []health.Object) ([]health.Workload, error) {
	s, err := w.read(ctx, objects)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	workloads := health.ComputeStatus(s, w.thresholds(), now)
	causes := w.redactAll(health.Diagnose(s, w.thresholds(), now))
	for i := range workloads {
		workloads[i].Message = w.redact(workloads[i].Message)
		for _, c := range causes {
			if c.Object == workloads[i].Object {
				workloads[i].Causes = append(workloads[i].Causes, c)
			}
		}
	}
	return workloads, nil
}

func (w *Watcher) read(ctx context.Context, objects []health.Object) (health.Snapshot, error) {
	sources := listWatches(w.Client, w.Dynamic, objects)
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
		return health.Snapshot{}, fmt.Errorf("read workloads: %w", err)
	}
	if e := c.unavailable(); e != nil {
		return health.Snapshot{}, apiError(e.err)
	}
	s := c.snapshot(objects)
	s.Suspended = w.Suspended
	return s, nil
}

// Wait blocks until all objects are ready in the same snapshot. It reports the
// progress of each workload.
//
// Wait returns a [*Failure] as soon as a workload fails permanently, or when the
// timeout expires. Errors have class [fault.Inconclusive] if the API server was
// unavailable, and [fault.Environment] if it denied access. If ctx is canceled
// the error wraps [context.Canceled]. All goroutines have stopped when Wait
// returns.
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
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := r.start(waiting)
	err := r.loop(waiting)
	cancel()
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

func apiError(err error) error {
	if isDenied(err) {
		return fault.New(fault.Environment, err, "allow the kubeconfig's user to get, list and watch these objects in the namespace")
	}
	return fault.New(fault.Inconclusive, err, "check that the cluster is running, then run the command again")
}
