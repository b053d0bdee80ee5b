package rollout

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	"tkdeploy.dev/tkdeploy/internal/sleep"
)

type update struct {
	source int
	all    []runtime.Object // full list, if err and change are nil
	change *watch.Event
	err    error
}

// reflector sends the updates of one source. It lists again after Limits.Resync,
// because a watch over a dead connection is silent.
type reflector struct {
	source listWatch
	index  int
	limits Limits
	out    chan<- update
}

// run sends updates until ctx is done or access is denied.
func (r reflector) run(ctx context.Context) {
	for ctx.Err() == nil {
		all, version, err := r.list(ctx)
		r.send(ctx, update{all: all, err: err})
		if isDenied(err) {
			return
		}
		if err == nil {
			err = r.watch(ctx, version)
		}
		if err != nil {
			sleep.For(ctx, r.limits.Retry)
		}
	}
}

func (r reflector) list(ctx context.Context) ([]runtime.Object, string, error) {
	ctx, cancel := context.WithTimeout(ctx, r.limits.Request)
	defer cancel()
	list, err := r.source.list(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, "", fmt.Errorf("list %s: %w", r.source.name, err)
	}
	all, err := meta.ExtractList(list)
	if err != nil {
		return nil, "", fmt.Errorf("list %s: %w", r.source.name, err)
	}
	m, err := meta.ListAccessor(list)
	if err != nil {
		return nil, "", fmt.Errorf("list %s: %w", r.source.name, err)
	}
	return all, m.GetResourceVersion(), nil
}

// watch sends changes until the next list is due. An error only means that the
// watch broke; the list shows whether the server is available.
func (r reflector) watch(ctx context.Context, version string) error {
	ctx, cancel := context.WithTimeout(ctx, r.limits.Resync)
	defer cancel()
	w, err := r.source.watch(ctx, metav1.ListOptions{ResourceVersion: version})
	if err != nil {
		return fmt.Errorf("watch %s: %w", r.source.name, err)
	}
	defer w.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, open := <-w.ResultChan():
			if !open || e.Type == watch.Error {
				return fmt.Errorf("watch %s: closed", r.source.name)
			}
			r.send(ctx, update{change: &e})
		}
	}
}

func (r reflector) send(ctx context.Context, u update) {
	u.source = r.index
	select {
	case r.out <- u:
	case <-ctx.Done():
	}
}

func isDenied(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err)
}
