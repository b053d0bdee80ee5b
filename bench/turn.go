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
	"tkdeploy.dev/tkdeploy/bench/internal/report"
	"tkdeploy.dev/tkdeploy/bench/internal/world"
)

// A turn is one arm's part of a block: a new cluster, the scenarios in it, and
// down again. Only one cluster of the benchmark is there at a time, so that
// nobody is measured beside another's control plane.
type turn struct {
	*bench
	app     app
	arm     string
	block   int
	project *fixture.Project
	cluster *world.Cluster // nil before there is one
}

// turn runs one. What goes wrong in it is kept as the run's problem, and the
// sitting goes on; only what would spoil the turns after it is an error.
func (b *bench) turn(ctx context.Context, a app, arm string, block int, p *fixture.Project) error {
	if err := b.removeNode(ctx, p); err != nil {
		return err
	}
	t := &turn{bench: b, app: a, arm: arm, block: block, project: p}
	t.scenarios(ctx)
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
	defer cancel()
	if _, err := b.launch(end, arm, p, downVerb, false); err != nil {
		return err
	}
	return ctx.Err()
}

// scenarios runs them until one goes wrong: those after it stand on it.
func (t *turn) scenarios(ctx context.Context) {
	wanted := t.app.scenarios
	if t.options.scenarios != "" {
		asked := strings.Split(t.options.scenarios, ",")
		wanted = slices.DeleteFunc(slices.Clone(wanted), func(s string) bool { return s != report.Cold && !slices.Contains(asked, s) })
	}
	for _, scenario := range wanted {
		repeats := t.options.repeats
		if scenario == report.Cold || scenario == report.Load {
			repeats = 1
		}
		for repeat := range repeats {
			r := report.Run{App: t.app.name, Scenario: scenario, Arm: t.arm, Block: t.block, Repeat: repeat, Counted: t.block == 0}
			if err := t.scenario(ctx, &r); err != nil {
				r.Problem = err.Error()
				t.violations = append(t.violations, fmt.Sprintf("%s, %s, %s, block %d: %v", r.App, r.Scenario, r.Arm, r.Block, err))
			}
			for _, violation := range exact(r) {
				t.violations = append(t.violations, fmt.Sprintf("%s, %s, %s, block %d: %s", r.App, r.Scenario, r.Arm, r.Block, violation))
			}
			t.results.Runs = append(t.results.Runs, r)
			t.say("  %s: %.2f s %s", scenario, r.Seconds, r.Problem)
			if r.Problem != "" {
				return
			}
		}
	}
}

// scenario prepares, measures and checks one run.
func (t *turn) scenario(ctx context.Context, r *report.Run) error {
	before := world.Snapshot{Blobs: t.preloaded}
	if t.cluster != nil {
		if err := t.cluster.Settle(ctx); err != nil {
			return err
		}
		var err error
		if before, err = t.cluster.Snapshot(ctx); err != nil {
			return err
		}
	}
	if err := t.change(ctx, r.Scenario); err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	if err := t.measure(ctx, r); err != nil {
		return err
	}
	after, err := t.cluster.Snapshot(ctx)
	if err != nil {
		return err
	}
	r.Change = world.Compare(before, after)
	if r.Scenario == report.Load {
		refs, err := t.engine.Tags(ctx, t.project.Prefix)
		if err != nil {
			return err
		}
		return t.cluster.CheckLoaded(ctx, refs)
	}
	return t.cluster.Check(ctx, t.project.Want())
}

// change makes the world so that the scenario has something to do.
func (t *turn) change(ctx context.Context, scenario string) error {
	t.serial++
	text := fmt.Sprintf("%s change %d of %d", t.arm, t.serial, t.options.seed) // one of an earlier sitting would be in the build cache
	switch scenario {
	case report.Cold:
		return t.removeTags(ctx, t.project)
	case report.Source:
		return t.project.SetSource(text)
	case report.Value:
		return t.project.SetValue(1000 + t.serial)
	case report.Drift:
		return t.cluster.Delete(ctx, t.project.Changed)
	case report.Load:
		if err := t.project.Rebuild(text); err != nil {
			return err
		}
		if err := t.removeTags(ctx, t.project); err != nil {
			return err
		}
		_, err := t.launch(ctx, t.arm, t.project, buildVerb, false)
		return err
	}
	return nil
}

// verbs are what scenarios tell an arm, if not up.
var verbs = map[string]verb{report.Unverified: untestedVerb, report.Load: loadVerb}

// measure runs the arm between two readings of everything that counts.
func (t *turn) measure(ctx context.Context, r *report.Run) error {
	v := verbs[r.Scenario]
	if v == "" {
		v = upVerb
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
	t.proxy.Take()
	u, err := t.launch(ctx, t.arm, t.project, v, r.Counted)
	r.Counts = t.proxy.Take()
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
	r.Seconds, r.ClientCPU, r.PeakBytes, r.Steps, r.Mutations = u.Seconds, u.CPUSeconds, u.PeakBytes, u.steps, u.mutations
	if v == loadVerb && byHand(t.arm) {
		r.Seconds = u.steps["load"] // without the hashing of tags
	}
	r.EngineCPU, r.NodeCPU = engineAfter-engineCPU, nodeAfter-nodeCPU
	r.APIRequests = requestsAfter - requests - 1 // the one that asks
	return nil
}

func (t *turn) cpu(ctx context.Context) (engineSeconds, nodeSeconds float64, err error) {
	if engineSeconds, err = engine.DaemonCPUSeconds("/proc"); err != nil {
		return 0, 0, err
	}
	nodeSeconds, err = t.engine.CPUSeconds(ctx, nodeOf(t.project))
	return engineSeconds, nodeSeconds, err
}

// open connects to the cluster that the arm has made.
func (t *turn) open() error {
	kubeconfig := filepath.Join(t.project.Dir, "kubeconfig")
	if !byHand(t.arm) {
		kubeconfig = filepath.Join(t.project.Dir+".state", "tkdeploy", "clusters", t.project.Cluster, "kubeconfig")
	}
	layers := func(ctx context.Context, ref string) ([]string, error) {
		image, err := t.engine.Image(ctx, ref)
		return image.RootFS.Layers, err
	}
	inNode := func(ctx context.Context, command ...string) ([]byte, error) {
		return t.run(ctx, append([]string{"exec", nodeOf(t.project)}, command...)...)
	}
	var err error
	t.cluster, err = world.Open(kubeconfig, t.project.Namespace, layers, inNode)
	return err
}
