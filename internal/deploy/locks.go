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

const releaseTimeout = 3 * time.Second

// Locks are the locks of a run on its release: a lock file and, once the cluster is
// available, a Lease. A nil *Locks locks nothing.
type Locks struct {
	session *Session
	onLost  context.CancelCauseFunc // ends the run
	warn    func(string)

	file  *lock.File
	mu    sync.Mutex  // stages run in parallel
	lease *lock.Lease // nil until acquired
}

// NewLocks returns the locks of a mutating command. These include verify, which
// deletes the pods of other smoke tests.
func (s *Session) NewLocks() *Locks { return &Locks{session: s} }

// acquire locks the file. onLost is called if another run holds the Lease.
func (l *Locks) acquire(ctx context.Context, onLost context.CancelCauseFunc, runner *plan.Runner) error {
	if l == nil {
		return nil
	}
	l.onLost, l.warn = onLost, func(text string) { runner.Emit(event.Warn(text)) }
	w := l.session.Workspace
	path := filepath.Join(w.StateDir, "locks", w.Cluster.Name+"."+w.Config.Chart.Namespace+"."+w.Config.Chart.Release)
	var err error
	l.file, err = lock.Acquire(ctx, path, l.what(), lock.Self(w.Command.String()))
	return err
}

func (l *Locks) what() string {
	w := l.session.Workspace
	return fmt.Sprintf("release %s/%s of cluster %s", w.Config.Chart.Namespace, w.Config.Chart.Release, w.Cluster.Name)
}

// guard returns the plan with the Lease acquired at the end of the cluster stage,
// or before any other stage that uses the cluster. Load needs no Lease after a
// cluster stage: that stage has acquired it, or no other run knows the nodes.
func (l *Locks) guard(p plan.Plan) plan.Plan {
	if l == nil {
		return p
	}
	return p.Map(func(s plan.Stage) plan.Stage {
		switch s.ID {
		case StageEngine, StageBuild, StageDown:
			return s
		case StageCluster:
			return l.leaseAfter(s)
		case StageLoad:
			if slices.Contains(p.IDs(), StageCluster) {
				return s
			}
		}
		return l.leaseBefore(s)
	})
}

func (l *Locks) leaseBefore(s plan.Stage) plan.Stage {
	observe := s.Observe
	s.Observe = func(ctx context.Context) (plan.Observation, error) {
		if err := l.acquireLease(ctx); err != nil {
			return plan.Observation{}, err
		}
		return observe(ctx)
	}
	return s
}

func (l *Locks) leaseAfter(s plan.Stage) plan.Stage {
	observe, apply := s.Observe, s.Apply
	s.Observe = func(ctx context.Context) (plan.Observation, error) {
		observed, err := observe(ctx)
		if err == nil && observed.State == plan.Satisfied {
			err = l.acquireLease(ctx)
		}
		return observed, err
	}
	if apply != nil {
		s.Apply = func(ctx context.Context, reporter event.Reporter) error {
			if err := apply(ctx, reporter); err != nil {
				return err
			}
			return l.acquireLease(ctx)
		}
	}
	return s
}

// acquireLease acquires the Lease once, in kube-system, because the release
// namespace may not exist.
func (l *Locks) acquireLease(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lease != nil {
		return nil
	}
	kube, err := l.session.Kube(ctx)
	if err != nil {
		return err
	}
	chart := l.session.Workspace.Config.Chart
	lease, err := l.file.AcquireLease(ctx, lock.LeaseOptions{
		Leases: kube.CoordinationV1().Leases(metav1.NamespaceSystem),
		Name:   "tkdeploy." + chart.Namespace + "." + chart.Release, // neither contains a dot
		What:   l.what(), OnWait: l.warn, OnLost: l.onLost,
	})
	var held *lock.HeldError
	if errors.As(err, &held) {
		l.onLost(err) // stages that run in parallel must stop
	}
	l.lease = lease
	return err
}

// deleting calls remove, which deletes the cluster and its Lease.
func (l *Locks) deleting(remove func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lease != nil {
		l.lease.Pause()
	}
	err := remove()
	if err == nil {
		l.lease = nil
	}
	return err
}

// release releases the locks, even if ctx is done.
func (l *Locks) release(ctx context.Context) {
	if l == nil || l.file == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	left := false
	if l.lease != nil {
		if err := l.lease.Release(ctx); err != nil {
			l.warn(fmt.Sprintf("%v; the lease will expire, and the next run on this machine takes it over", err))
			left = true
		}
	}
	if err := l.file.Release(left); err != nil {
		l.warn(fmt.Sprintf("release the lock file: %v", err))
	}
}
