package deploy

import (
	"context"
	"slices"

	"tkdeploy.dev/tkdeploy/internal/deploy/smoke"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/release"
	"tkdeploy.dev/tkdeploy/internal/verify"
	"tkdeploy.dev/tkdeploy/internal/verify/checks"
	"tkdeploy.dev/tkdeploy/internal/verify/hooks"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
	"tkdeploy.dev/tkdeploy/internal/verify/program"
)

func (r *Run) verifyStage(id string, needs ...string) plan.Stage {
	return plan.Stage{
		ID: id, Title: "Verify", Needs: needs,
		Observe: func(context.Context) (plan.Observation, error) {
			return plan.Observation{State: plan.Unknown, Reason: "runs every time"}, nil
		},
		Apply: r.verify,
	}
}

// verify runs the checks and the chart's test hooks. If all pass, it marks the
// revision as verified: a target for rollbacks.
func (r *Run) verify(ctx context.Context, reporter event.Reporter) error {
	deployed, err := r.session.Release(ctx)
	if err != nil {
		return err
	}
	if err := r.smokeTest(ctx, r.session.Workspace, deployed, reporter); err != nil {
		return err
	}
	return r.markVerified(ctx, deployed)
}

func (r *Run) smokeTest(ctx context.Context, w *Workspace, deployed *release.Deployed, reporter event.Reporter) error {
	smokeChecks, testHooks, err := w.smokeTest(deployed)
	if err != nil {
		return err
	}
	runner, err := r.verifyRunner(ctx, deployed, r.session.redactor(ctx, deployed, reporter))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, r.options.Timeout)
	defer cancel()
	return runner.Verify(ctx, smokeChecks, testHooks, reporter)
}

func (r *Run) markVerified(ctx context.Context, deployed *release.Deployed) error {
	if deployed.Verified || !deployed.Newest { // after a failed upgrade, the objects belong to two revisions
		return nil
	}
	return r.session.markVerified(ctx, deployed)
}

func (r *Run) verifyRunner(ctx context.Context, deployed *release.Deployed, redact func(string) string) (*verify.Runner, error) {
	image, err := r.session.probeRef(ctx)
	if err != nil {
		return nil, err
	}
	clients, err := r.session.openClients(ctx)
	if err != nil {
		return nil, err
	}
	w := r.session.Workspace
	return verify.New(verify.Options{
		Client:         clients.kube,
		Objects:        clients.dynamic,
		Namespace:      w.Config.Chart.Namespace,
		Release:        w.Config.Chart.Release,
		Image:          image,
		Args:           []string{program.Command},
		Kubectl:        w.kubectl(),
		Backends:       checks.Backends(deployed.Objects, w.Config.Chart.Namespace),
		PodsReplacedAt: r.PodsReplacedAt,
		Exit:           r.session.containerExit,
		Redact:         redact,
	}), nil
}

// containerExit reads an exit code from the runtime of a node. If the cluster
// status is not cached, ok is false: reading it only for this would cost a request.
func (s *Session) containerExit(ctx context.Context, node, id string) (code int, ok bool) {
	status, _ := s.status.Peek()
	for _, n := range s.Workspace.Cluster.NodesOf(status) {
		if n.Name() == node {
			return n.Exit(ctx, id)
		}
	}
	return 0, false
}

func (w *Workspace) smokeTest(deployed *release.Deployed) ([]probe.Check, []hooks.Hook, error) {
	var testHooks []hooks.Hook
	for _, h := range deployed.TestHooks {
		testHooks = append(testHooks, hooks.Hook{Name: h.Name, Object: h.Object, Resource: h.Resource, DeletePolicies: h.DeletePolicies})
	}
	extra, err := smoke.Checks(w.Config.Verify.Checks)
	if err != nil {
		return nil, nil, err
	}
	derived := checks.Derive(deployed.Objects, w.Config.Chart.Namespace)
	selected, err := checks.Select(derived, extra, w.skippedChecks())
	return selected, hooks.Without(testHooks, w.skippedChecks()), err
}

func (w *Workspace) skippedChecks() []string {
	return slices.Concat(w.Config.Verify.Skip, w.Env.Verify.Skip)
}
