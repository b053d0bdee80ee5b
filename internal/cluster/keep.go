package cluster

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"tkdeploy.dev/tkdeploy/internal/cluster/drain"
	"tkdeploy.dev/tkdeploy/internal/cluster/secrets"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// Keep decides what [Cluster.PrepareDelete] does for the data that outlives the cluster.
type Keep int

// What down keeps.
const (
	KeepData  Keep = iota // save the Secrets, or fail; end the workloads
	KeepForce             // save the Secrets if possible
	KeepNone              // the data will be deleted
)

// drainLimit bounds the end of the workloads. A pod's default grace period is 30 s.
const drainLimit = time.Minute

// openSecrets claims the state directory.
func (c *Cluster) openSecrets() (store secrets.Store, client kubernetes.Interface, err error) {
	if err := c.claim(); err != nil {
		return store, nil, err
	}
	client, err = c.Client()
	return secrets.Store{Dir: c.secretsDir()}, client, err
}

// MirrorSecrets makes the copies of the namespace's Secrets with the label
// tkdeploy.dev/keep=true in [Spec.StateDir] equal to those in the cluster. The release
// must be deployed: a new cluster gets the copied ones from [Cluster.RestoreSecrets].
func (c *Cluster) MirrorSecrets(ctx context.Context, namespace string) error {
	store, client, err := c.openSecrets()
	if err != nil {
		return err
	}
	return store.Mirror(ctx, client, namespace)
}

// RestoreSecrets creates the copied Secrets of the release's namespace, see
// [secrets.Store.Restore].
func (c *Cluster) RestoreSecrets(ctx context.Context, release secrets.Release) error {
	store, client, err := c.openSecrets()
	if err != nil {
		return err
	}
	return store.Restore(ctx, client, release)
}

// PrepareDelete saves the Secrets that belong to the data of volumes, then ends the
// workloads, which write their data. It starts stopped nodes for this. It does
// nothing if there are no volumes. If it cannot save the Secrets, it ends nothing, and
// the error has class [fault.Down].
func (c *Cluster) PrepareDelete(ctx context.Context, keep Keep, reporter event.Reporter) error {
	if keep == KeepNone || !c.hasData() {
		return nil
	}
	status, err := c.Observe(ctx)
	if err != nil {
		return err
	}
	switch status.Phase {
	case Absent, NotOwned, Incomplete: // Delete checks the owner
		return nil
	}
	if keep == KeepForce {
		if err := c.saveSecrets(ctx, c.limits.API); err != nil && ctx.Err() == nil {
			reporter.Report(event.Warn(fmt.Sprintf("cluster %s: Secrets are not saved: %v", c.Name, err)))
		}
		return context.Cause(ctx)
	}
	limit := c.limits.API
	if status.Phase == Stopped || status.Phase == Paused {
		limit = c.limits.Ready
		if err := c.startNodes(ctx, reporter); err != nil {
			return c.notPrepared(ctx, "start its nodes to save the Secrets of its data", err)
		}
	}
	reporter.Report(event.Progress(c.Name, "saving Secrets"))
	if err := c.saveSecrets(ctx, limit); err != nil {
		return c.notPrepared(ctx, "save the Secrets of its data", err)
	}
	reporter.Report(event.Progress(c.Name, "ending workloads"))
	if err := c.endWorkloads(ctx, reporter); err != nil {
		return c.notPrepared(ctx, "end its workloads", err)
	}
	return nil
}

func (c *Cluster) hasData() bool {
	if c.Machine.IsRemote() {
		return c.HasVolumes()
	}
	entries, err := os.ReadDir(c.volumesDir())
	return err == nil && len(entries) > 0
}

func (c *Cluster) notPrepared(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fault.New(fault.Down, fmt.Errorf("delete cluster %s: %s: %w", c.Name, what, err),
		fmt.Sprintf("run it again when the API server responds; or delete the cluster as it is: tkdeploy down --env %s --force", c.Env))
}

func (c *Cluster) startNodes(ctx context.Context, reporter event.Reporter) error {
	if _, err := c.startContainers(ctx, reporter); err != nil {
		return err
	}
	return c.refreshKubeconfig(ctx)
}

// saveSecrets tries until limit, because the API server may be starting.
func (c *Cluster) saveSecrets(ctx context.Context, limit time.Duration) error {
	store, client, err := c.openSecrets()
	if err != nil {
		return err
	}
	var last error
	err = wait.PollUntilContextTimeout(ctx, 250*time.Millisecond, limit, true, func(ctx context.Context) (bool, error) {
		last = store.Save(ctx, client)
		return last == nil, nil
	})
	if err != nil {
		return last
	}
	return nil
}

func (c *Cluster) endWorkloads(ctx context.Context, reporter event.Reporter) error {
	client, err := c.Client()
	if err != nil {
		return err
	}
	left, err := drain.Pods(ctx, client, drainLimit)
	if len(left) > 0 && err == nil {
		reporter.Report(event.Warn(fmt.Sprintf("cluster %s: killing pods that have not ended after %s: %s", c.Name, drainLimit, strings.Join(left, ", "))))
	}
	return err
}
