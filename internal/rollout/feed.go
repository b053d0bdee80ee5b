package rollout

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
)

// An update is what a feed learned of its source.
type update struct {
	source int
	all    []runtime.Object // everything there is; set if err is nil and change is not
	change *watch.Event     // one change
	err    error            // the source did not answer
}

// A feed follows one source: it lists, then watches for Limits.Resync at most,
// and lists again. A watch that has gone silent, as one over a dead connection
// does, so costs no more than that time.
type feed struct {
	source
	index  int
	limits Limits
	out    chan<- update
}

// run follows the source until ctx is done or access to it is refused.
func (f feed) run(ctx context.Context) {
	for ctx.Err() == nil {
		all, version, err := f.read(ctx)
		f.send(ctx, update{all: all, err: err})
		if refused(err) {
			return
		}
		if err == nil {
			err = f.follow(ctx, version)
		}
		if err != nil {
			pause(ctx, f.limits.Retry)
		}
	}
}

// read lists the source.
func (f feed) read(ctx context.Context) ([]runtime.Object, string, error) {
	ctx, cancel := context.WithTimeout(ctx, f.limits.Request)
	defer cancel()
	list, err := f.list(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, "", fmt.Errorf("list %s: %w", f.what, err)
	}
	all, err := meta.ExtractList(list)
	if err != nil {
		return nil, "", fmt.Errorf("list %s: %w", f.what, err)
	}
	m, err := meta.ListAccessor(list)
	if err != nil {
		return nil, "", fmt.Errorf("list %s: %w", f.what, err)
	}
	return all, m.GetResourceVersion(), nil
}

// follow sends what changes after version until it is time to list again. An
// error means that the watch broke: the list that follows tells whether it
// matters.
func (f feed) follow(ctx context.Context, version string) error {
	ctx, cancel := context.WithTimeout(ctx, f.limits.Resync)
	defer cancel()
	w, err := f.watch(ctx, metav1.ListOptions{ResourceVersion: version})
	if err != nil {
		return fmt.Errorf("watch %s: %w", f.what, err)
	}
	defer w.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, open := <-w.ResultChan():
			if !open || e.Type == watch.Error {
				return fmt.Errorf("watch %s: closed", f.what)
			}
			f.send(ctx, update{change: &e})
		}
	}
}

func (f feed) send(ctx context.Context, u update) {
	u.source = f.index
	select {
	case f.out <- u:
	case <-ctx.Done():
	}
}

func refused(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err)
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
