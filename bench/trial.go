package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/bench/internal/engine"
	"tkdeploy.dev/tkdeploy/bench/internal/fixture"
	"tkdeploy.dev/tkdeploy/bench/internal/inspect"
	"tkdeploy.dev/tkdeploy/bench/internal/report"
)

// trial is one arm's part of a block: create a cluster, run the scenarios, delete it. Arms
// never share the machine with another arm's control plane.
type trial struct {
	bench   *bench
	app     app
	arm     string
	block   int
	project *fixture.Project
	cluster *inspect.Cluster
}

// runTrial fails only if later trials would be affected.
func (b *bench) runTrial(ctx context.Context, a app, arm string, block int, p *fixture.Project) error {
	if err := b.removeNode(ctx, p); err != nil {
		return err
	}
	t := &trial{bench: b, app: a, arm: arm, block: block, project: p}
	t.runScenarios(ctx)
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
	defer cancel()
	if _, err := b.launch(end, arm, p, actionDown, false); err != nil {
		return err
	}
	return ctx.Err()
}

// runScenarios stops at the first failure, because each scenario depends on the previous one.
func (t *trial) runScenarios(ctx context.Context) {
	scenarios := t.app.scenarios
	if t.bench.options.scenarios != "" {
		selected := strings.Split(t.bench.options.scenarios, ",")
		scenarios = slices.DeleteFunc(slices.Clone(scenarios), func(s string) bool { return s != report.Cold && !slices.Contains(selected, s) })
	}
	for _, scenario := range scenarios {
		repeats := t.bench.options.repeats
		if scenario == report.Cold || scenario == report.Load {
			repeats = 1
		}
		for repeat := range repeats {
			r := report.Run{App: t.app.name, Scenario: scenario, Arm: t.arm, Block: t.block, Repeat: repeat, Counted: t.block == 0}
			if err := t.runScenario(ctx, &r); err != nil {
				r.Problem = err.Error()
				t.bench.violations = append(t.bench.violations, fmt.Sprintf("%s, %s, %s, block %d: %v", r.App, r.Scenario, r.Arm, r.Block, err))
			}
			for _, violation := range checkCounts(r) {
				t.bench.violations = append(t.bench.violations, fmt.Sprintf("%s, %s, %s, block %d: %s", r.App, r.Scenario, r.Arm, r.Block, violation))
			}
			t.bench.results.Runs = append(t.bench.results.Runs, r)
			t.bench.logf("  %s: %.2f s %s", scenario, r.Seconds, r.Problem)
			if r.Problem != "" {
				return
			}
		}
	}
}

func (t *trial) runScenario(ctx context.Context, r *report.Run) error {
	before := inspect.Snapshot{Blobs: t.bench.preloaded}
	if t.cluster != nil {
		if err := t.cluster.Settle(ctx); err != nil {
			return err
		}
		var err error
		if before, err = t.cluster.Snapshot(ctx); err != nil {
			return err
		}
	}
	if err := t.setUp(ctx, r.Scenario); err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	if err := t.measure(ctx, r); err != nil {
		return err
	}
	after, err := t.cluster.Snapshot(ctx)
	if err != nil {
		return err
	}
	r.Change = inspect.Compare(before, after)
	if r.Scenario == report.Load {
		refs, err := t.bench.engine.Tags(ctx, t.project.Prefix)
		if err != nil {
			return err
		}
		return t.cluster.CheckLoaded(ctx, refs)
	}
	return t.cluster.Check(ctx, t.project.Want())
}

func (t *trial) setUp(ctx context.Context, scenario string) error {
	t.bench.sequence++
	text := fmt.Sprintf("%s change %d of %d", t.arm, t.bench.sequence, t.bench.options.seed) // not in the build cache
	switch scenario {
	case report.Cold:
		return t.bench.removeTags(ctx, t.project)
	case report.Source:
		return t.project.SetSource(text)
	case report.Value:
		return t.project.SetValue(1000 + t.bench.sequence)
	case report.Drift:
		return t.cluster.Delete(ctx, t.project.Changed)
	case report.Load:
		if err := t.project.Rebuild(text); err != nil {
			return err
		}
		if err := t.bench.removeTags(ctx, t.project); err != nil {
			return err
		}
		_, err := t.bench.launch(ctx, t.arm, t.project, actionBuild, false)
		return err
	}
	return nil
}

// scenarioActions defaults to actionUp.
var scenarioActions = map[string]action{report.Unverified: actionUpUntested, report.Load: actionLoad}

func (t *trial) measure(ctx context.Context, r *report.Run) error {
	a := scenarioActions[r.Scenario]
	if a == "" {
		a = actionUp
	}
	requests := 0
	if t.cluster != nil {
		var err error
		if requests, err = t.cluster.APIRequests(ctx); err != nil {
			return err
		}
	}
	engineCPU, nodeCPU, err := t.cpu(ctx)
	if err != nil {
		return err
	}
	t.bench.proxy.Take()
	u, err := t.bench.launch(ctx, t.arm, t.project, a, r.Counted)
	r.Counts = t.bench.proxy.Take()
	if err != nil {
		return err
	}
	engineAfter, nodeAfter, err := t.cpu(ctx)
	if err != nil {
		return err
	}
	if t.cluster == nil {
		if err := t.open(); err != nil {
			return err
		}
	}
	requestsAfter, err := t.cluster.APIRequests(ctx)
	if err != nil {
		return err
	}
	r.Seconds, r.ClientCPU, r.PeakBytes, r.Steps, r.Changes = u.Seconds, u.CPUSeconds, u.PeakBytes, u.steps, u.changes
	if a == actionLoad && usesScript(t.arm) {
		r.Seconds = u.steps["load"] // without computing tags
	}
	r.EngineCPU, r.NodeCPU = engineAfter-engineCPU, nodeAfter-nodeCPU
	r.APIRequests = requestsAfter - requests - 1 // the request that reads the metrics
	return nil
}

func (t *trial) cpu(ctx context.Context) (engineSeconds, nodeSeconds float64, err error) {
	if engineSeconds, err = engine.DaemonCPUSeconds("/proc"); err != nil {
		return 0, 0, err
	}
	nodeSeconds, err = t.bench.engine.CPUSeconds(ctx, nodeOf(t.project))
	return engineSeconds, nodeSeconds, err
}

func (t *trial) open() error {
	kubeconfig := filepath.Join(t.project.Dir, "kubeconfig")
	if !usesScript(t.arm) {
		kubeconfig = filepath.Join(t.project.Dir+".state", "tkdeploy", "clusters", t.project.Cluster, "kubeconfig")
	}
	layers := func(ctx context.Context, ref string) ([]string, error) {
		image, err := t.bench.engine.Image(ctx, ref)
		return image.RootFS.Layers, err
	}
	inNode := func(ctx context.Context, command ...string) ([]byte, error) {
		return t.bench.runDocker(ctx, append([]string{"exec", nodeOf(t.project)}, command...)...)
	}
	var err error
	t.cluster, err = inspect.Open(kubeconfig, t.project.Namespace, layers, inNode)
	return err
}
