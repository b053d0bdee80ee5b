package deploy

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/lock"
	"tkdeploy.dev/tkdeploy/internal/plan"
)

// unlockWithin bounds how long a run's way out may take to give its locks back.
const unlockWithin = 3 * time.Second

// Locks keep other runs away from the release: the lock file for the whole run,
// the Lease from when the cluster is first seen to answer. A nil *Locks locks
// nothing.
type Locks struct {
	workspace *Workspace
	lose      context.CancelCauseFunc // ends the run
	tell      func(string)

	file *lock.File
	mu   sync.Mutex  // the stages run side by side
	held *lock.Lease // nil until the cluster answers
}

// NewLocks are those of a command that writes; verify is one, because it deletes
// the pods of other smoke tests.
func (w *Workspace) NewLocks() *Locks { return &Locks{workspace: w} }

// take locks the file. lose is called if another run turns out to hold, or to
// have taken, the Lease.
func (l *Locks) take(ctx context.Context, lose context.CancelCauseFunc, runner *plan.Runner) error {
	if l == nil {
		return nil
	}
	state, err := stateDir()
	if err != nil {
		return err
	}
	w := l.workspace
	l.lose, l.tell = lose, func(text string) { runner.Emit(event.Warn(text)) }
	path := filepath.Join(state, "locks", w.Cluster.Name+"."+w.Config.Chart.Namespace+"."+w.Config.Chart.Release)
	l.file, err = lock.Acquire(ctx, path, l.what(), lock.Self(w.Command))
	return err
}

func (l *Locks) what() string {
	w := l.workspace
	return fmt.Sprintf("release %s/%s of cluster %s", w.Config.Chart.Namespace, w.Config.Chart.Release, w.Cluster.Name)
}

// guard is the plan with the Lease taken as soon as the cluster answers: after
// the stage that sees to the cluster, and before any other that works in it. To
// load behind that stage is behind the Lease, or into nodes that this very run
// is making a cluster of: no other run knows one there.
func (l *Locks) guard(p plan.Plan) plan.Plan {
	if l == nil {
		return p
	}
	return p.Map(func(s plan.Stage) plan.Stage {
		switch s.ID {
		case StageEngine, StageBuild, StageDown:
			return s
		case StageCluster:
			return l.after(s)
		case StageLoad:
			if slices.Contains(p.IDs(), StageCluster) {
				return s
			}
		}
		return l.before(s)
	})
}

func (l *Locks) before(s plan.Stage) plan.Stage {
	observe := s.Observe
	s.Observe = func(ctx context.Context) (plan.Observation, error) {
		if err := l.lease(ctx); err != nil {
			return plan.Observation{}, err
		}
		return observe(ctx)
	}
	return s
}

func (l *Locks) after(s plan.Stage) plan.Stage {
	observe, act := s.Observe, s.Apply
	s.Observe = func(ctx context.Context) (plan.Observation, error) {
		seen, err := observe(ctx)
		if err == nil && seen.State == plan.Satisfied {
			err = l.lease(ctx)
		}
		return seen, err
	}
	if act != nil {
		s.Apply = func(ctx context.Context, reporter event.Reporter) error {
			if err := act(ctx, reporter); err != nil {
				return err
			}
			return l.lease(ctx)
		}
	}
	return s
}

// lease takes the Lease unless it is held. It is in kube-system, which every
// cluster of ours has from its beginning to its end; the release's namespace
// comes later and may be deleted at any time.
func (l *Locks) lease(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held != nil {
		return nil
	}
	kube, err := l.workspace.Kube()
	if err != nil {
		return err
	}
	chart := l.workspace.Config.Chart
	held, err := l.file.AcquireLease(ctx, lock.LeaseOptions{
		Leases: kube.CoordinationV1().Leases(metav1.NamespaceSystem),
		Name:   "tkdeploy." + chart.Namespace + "." + chart.Release, // neither has a dot
		What:   l.what(), OnWait: l.tell, OnLost: l.lose,
	})
	var other *lock.HeldError
	if errors.As(err, &other) {
		l.lose(err) // what runs beside this stage is for nothing
	}
	l.held = held
	return err
}

// ending runs what deletes the cluster, and the Lease with it.
func (l *Locks) ending(remove func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held != nil {
		l.held.Pause()
	}
	err := remove()
	if err == nil {
		l.held = nil
	}
	return err
}

// release gives back what is held, within unlockWithin, also after ctx ended.
func (l *Locks) release(ctx context.Context) {
	if l == nil || l.file == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockWithin)
	defer cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	left := false
	if l.held != nil {
		if err := l.held.Release(ctx); err != nil {
			l.tell(fmt.Sprintf("%v; it ends by itself, and the next run from here takes it over", err))
			left = true
		}
	}
	if err := l.file.Release(left); err != nil {
		l.tell(fmt.Sprintf("give the lock of this machine back: %v", err))
	}
}
