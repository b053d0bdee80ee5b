package deploy

import (
	"context"
	"fmt"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/kubeerr"
	"tkdeploy.dev/tkdeploy/internal/plan"
)

func (r *Run) observeCluster(ctx context.Context) (plan.Observation, error) {
	status, err := r.session.Cluster(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	state := plan.Drifted
	switch status.Phase {
	case cluster.NotOwned:
		return plan.Observation{}, status.NotOwned
	case cluster.Running:
		state = plan.Satisfied
	case cluster.Absent:
		state = plan.Missing
	}
	return plan.Observation{State: state, Reason: status.Reason}, nil
}

func (s *Session) requireRunning(ctx context.Context) (plan.Observation, error) {
	status, err := s.Cluster(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	return plan.Observation{State: plan.Satisfied, Reason: status.Reason}, s.checkRunning(status)
}

// requireStarted is requireRunning without requests to the API server, which may restart.
func (s *Session) requireStarted(ctx context.Context) error {
	status, ok := s.status.Peek()
	if ok && status.Phase == cluster.Running {
		return nil
	}
	if _, err := s.Engine(ctx); err != nil {
		return err
	}
	status, err := s.Workspace.Cluster.ObserveContainers(ctx)
	if err != nil {
		return err
	}
	return s.checkRunning(status)
}

func (s *Session) checkRunning(status cluster.Status) error {
	switch status.Phase {
	case cluster.Running:
		return nil
	case cluster.NotOwned:
		return status.NotOwned
	}
	return fault.New(fault.Cluster, fmt.Errorf("cluster %s is %s: %s", s.Workspace.Cluster.Name, status.Phase, status.Reason),
		"start it: tkdeploy up --env "+s.Workspace.EnvName)
}

// DownPlan returns the plan of `tkdeploy down`. keep decides about the data of the
// volumes. locks must not be nil.
func (s *Session) DownPlan(keep cluster.Keep, locks *Locks) (plan.Plan, error) {
	return plan.New(plan.Stage{
		ID: StageDown, Title: "Delete cluster",
		Observe: func(ctx context.Context) (plan.Observation, error) { return s.observeDown(ctx, keep, locks) },
		Apply: func(ctx context.Context, reporter event.Reporter) error {
			defer s.Invalidate(ClusterState)
			c := s.Workspace.Cluster
			if err := c.PrepareDelete(ctx, keep, reporter); err != nil {
				return fault.Default(fault.Down, err)
			}
			err := locks.deleting(func() error { return c.Delete(ctx, keep == cluster.KeepNone, reporter) })
			return fault.Default(fault.Down, err)
		},
	})
}

// observeDown acquires the Lease only if the API server responds. A broken one, such as
// one with a full disk, must not keep a cluster whose data need not be saved.
func (s *Session) observeDown(ctx context.Context, keep cluster.Keep, locks *Locks) (plan.Observation, error) {
	if err := locks.exclude(ctx); err != nil {
		return plan.Observation{}, err
	}
	status, err := s.Cluster(ctx)
	if err != nil {
		return plan.Observation{}, err
	}
	if status.Phase == cluster.NotOwned {
		return plan.Observation{}, status.NotOwned
	}
	if status.Responding {
		err := locks.checkOthers(ctx)
		if err == nil {
			err = locks.acquireLease(ctx)
		}
		switch {
		case err == nil:
		case keep != cluster.KeepData && kubeerr.IsUnavailable(err) && ctx.Err() == nil:
			locks.warn(fmt.Sprintf("other runs are not checked: %v", err))
		default:
			return plan.Observation{}, err
		}
	}
	c := s.Workspace.Cluster
	switch {
	case status.Phase != cluster.Absent:
		return plan.Observation{State: plan.Drifted, Reason: "cluster " + c.Name + " exists"}, nil
	case keep == cluster.KeepNone && c.HasVolumes():
		return plan.Observation{State: plan.Drifted, Reason: "volumes of cluster " + c.Name + " exist"}, nil
	}
	return plan.Observation{State: plan.Satisfied, Reason: status.Reason}, nil
}
