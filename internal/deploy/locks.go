package deploy

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/lock"
	"tkdeploy.dev/tkdeploy/internal/plan"
)

const (
	releaseTimeout = 3 * time.Second
	clusterTimeout = 15 * time.Minute // the other run may have to build the node image
	excludeTimeout = time.Second      // a run that is ending may still hold the lock
)

// Locks are the locks of a run. On its release: a lock file and, once the cluster is
// available, a Lease. On its cluster: a lock that all users of this machine share,
// exclusive while the run creates, starts or deletes the cluster. A nil *Locks locks
// nothing.
type Locks struct {
	session *Session
	self    lock.Holder
	onLost  context.CancelCauseFunc // ends the run
	warn    func(string)

	file    *lock.File
	mu      sync.Mutex   // stages run in parallel
	cluster *lock.Shared // nil until acquired
	lease   *lock.Lease  // nil until acquired
}

// NewLocks returns the locks of a mutating command. These include verify, which
// deletes the pods of other smoke tests.
func (s *Session) NewLocks() *Locks { return &Locks{session: s} }

// acquire locks the file of the release, unless the cluster's data has another owner.
// onLost is called if another run holds the cluster's lock or the Lease.
func (l *Locks) acquire(ctx context.Context, onLost context.CancelCauseFunc, runner *plan.Runner) error {
	if l == nil {
		return nil
	}
	l.onLost, l.warn = onLost, func(text string) { runner.Emit(event.Warn(text)) }
	w := l.session.Workspace
	if err := w.Cluster.CheckRecord(); err != nil {
		return err
	}
	path := filepath.Join(w.StateDir, "locks", w.Cluster.Name+"."+w.Config.Chart.Namespace+"."+w.Config.Chart.Release)
	var err error
	l.self = lock.Self(w.Command.String())
	l.file, err = lock.Acquire(ctx, path, l.what(), l.self)
	return err
}

func (l *Locks) what() string {
	w := l.session.Workspace
	return fmt.Sprintf("release %s/%s of cluster %s", w.Config.Chart.Namespace, w.Config.Chart.Release, w.Cluster.Name)
}

// share acquires the cluster's lock in shared mode, once. It waits for a run that
// creates, starts or deletes the cluster.
func (l *Locks) share(ctx context.Context) error {
	return l.lockCluster(ctx, clusterTimeout, l.warn, (*lock.Shared).TryShared)
}

func (l *Locks) exclude(ctx context.Context) error {
	return l.lockCluster(ctx, excludeTimeout, nil, (*lock.Shared).TryExclusive)
}

func (l *Locks) lockCluster(ctx context.Context, limit time.Duration, onWait func(string), try func(*lock.Shared) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cluster != nil {
		return nil
	}
	path, err := l.session.clusterLock(ctx)
	if err != nil {
		return err
	}
	shared := lock.NewShared(path, "cluster "+l.session.Workspace.Cluster.Name, l.self)
	err = shared.Retry(ctx, limit, onWait, func() error { return l.heldOrNotOwned(ctx, try(shared)) })
	l.cancelIfHeld(err)
	if err == nil {
		l.cluster = shared
	}
	return err
}

// clusterLock returns the path of the cluster's lock.
func (s *Session) clusterLock(ctx context.Context) (string, error) {
	engine, err := s.engineID(ctx)
	return lock.SharedPath(s.Workspace.LockDir, engine, s.Workspace.Cluster.Name), err
}

// ensure calls apply while no other run uses the cluster, see [lock.Shared.Ensure].
func (l *Locks) ensure(ctx context.Context, observe func(context.Context) (plan.Observation, error), apply func() error) error {
	err := l.cluster.Ensure(ctx, clusterTimeout, l.warn, func() (bool, error) {
		l.session.Invalidate(ClusterState)
		observed, err := observe(ctx)
		return observed.State == plan.Satisfied, err
	}, apply)
	l.cancelIfHeld(err)
	return err
}

// heldOrNotOwned replaces a [*lock.HeldError] if waiting does not help, because the
// cluster has another owner.
func (l *Locks) heldOrNotOwned(ctx context.Context, err error) error {
	var held *lock.HeldError
	if errors.As(err, &held) {
		if refused := l.session.CheckOwnership(ctx); fault.ClassOf(refused) == fault.NotOwned {
			return refused
		}
	}
	return err
}

// cancelIfHeld stops stages that run in parallel.
func (l *Locks) cancelIfHeld(err error) {
	var held *lock.HeldError
	if errors.As(err, &held) {
		l.onLost(err)
	}
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
	lease, err := l.file.AcquireLease(ctx, lock.LeaseOptions{
		Leases: kube.CoordinationV1().Leases(metav1.NamespaceSystem),
		Name:   l.leaseName(),
		What:   l.what(), OnWait: l.warn, OnLost: l.onLost,
	})
	l.cancelIfHeld(err)
	l.lease = lease
	return err
}

// checkOthers fails if a run of another release, such as one on another machine, uses
// the cluster.
func (l *Locks) checkOthers(ctx context.Context) error {
	kube, err := l.session.Kube(ctx)
	if err != nil {
		return err
	}
	leases := kube.CoordinationV1().Leases(metav1.NamespaceSystem)
	return lock.CheckOthers(ctx, leases, l.leaseName(), "cluster "+l.session.Workspace.Cluster.Name, l.warn)
}

func (l *Locks) leaseName() string {
	chart := l.session.Workspace.Config.Chart
	return lock.LeasePrefix + chart.Namespace + "." + chart.Release // neither contains a dot
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

// release also works if ctx is done.
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
	if l.cluster != nil {
		l.cluster.Release()
	}
}
