package deploy

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"k8s.io/client-go/dynamic"

	"tkdeploy.dev/tkdeploy/internal/config"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release"
	"tkdeploy.dev/tkdeploy/internal/verify"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// smokeTest asks the checks from inside the cluster and runs the chart's test
// hooks. When all pass, it marks the revision as verified: it is one that a
// rollback may go to.
func (d *Run) smokeTest(ctx context.Context, reporter event.Reporter) error {
	deployed, err := d.deployed(ctx)
	if err != nil {
		return err
	}
	checks, hooks, err := d.tests(deployed)
	if err != nil {
		return err
	}
	runner, err := d.runner(ctx)
	if err != nil {
		return err
	}
	runner.Redact = deployed.Redact
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	if err := runner.Verify(ctx, checks, hooks, reporter); err != nil {
		return err
	}
	if deployed.Verified || !deployed.Newest { // what a failed upgrade left is of two revisions
		return nil
	}
	client, err := d.OpenRelease()
	if err != nil {
		return err
	}
	return client.MarkVerified(ctx, deployed.Revision)
}

// tests are the checks of the chart's Services and probes, those of the
// configuration, and the chart's test hooks.
func (d *Run) tests(deployed *release.Deployed) ([]probe.Check, []verify.Hook, error) {
	var hooks []verify.Hook
	for _, h := range deployed.TestHooks {
		hooks = append(hooks, verify.Hook{Name: h.Name, Object: h.Object, Resource: h.Resource, DeletePolicies: h.DeletePolicies})
	}
	var extra []probe.Check
	for _, c := range d.Config.Verify.Checks {
		check, err := configured(c)
		if err != nil {
			return nil, nil, fault.New(fault.Config, fmt.Errorf("verify.checks: %s: %w", c.Name, err), "")
		}
		extra = append(extra, check)
	}
	checks, hooks, err := verify.Select(verify.Derive(deployed.Objects, d.Config.Chart.Namespace), extra, hooks, d.Config.Verify.Skip)
	return checks, hooks, fault.New(fault.Config, err, "")
}

func configured(c config.Check) (probe.Check, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return probe.Check{}, err
	}
	port := map[string]int{"http": 80, "https": 443}[u.Scheme]
	if port == 0 {
		return probe.Check{}, fmt.Errorf("url %s: only http and https are asked", c.URL)
	}
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil {
			return probe.Check{}, err
		}
	}
	return probe.Check{
		ID:     c.Name,
		Kind:   probe.HTTP,
		Target: probe.Target{Host: u.Hostname(), Port: port, Scheme: u.Scheme, Path: u.RequestURI()},
		Expect: probe.Expect{Status: c.Status, Contains: c.Contains},
	}, nil
}

// probeImage is the reference of the smoke test's image.
func (d *Run) probeImage(ctx context.Context) (string, error) {
	all := d.images
	if all == nil {
		engine, err := d.Connect(ctx)
		if err != nil {
			return "", err
		}
		set, err := d.probeImages() // alone: a service that is not built now may well run
		if err != nil {
			return "", err
		}
		if all, err = engine.Resolve(ctx, set); err != nil {
			return "", err
		}
	}
	for _, image := range all {
		if image.Name == probeRepository || image.Repository == probeRepository {
			return image.Ref, nil
		}
	}
	return "", fmt.Errorf("the smoke test's image %s is not among the images", probeRepository)
}

func (d *Run) runner(ctx context.Context) (*verify.Runner, error) {
	image, err := d.probeImage(ctx)
	if err != nil {
		return nil, err
	}
	kube, err := d.Kube()
	if err != nil {
		return nil, err
	}
	config, err := d.Cluster.RESTConfig()
	if err != nil {
		return nil, err
	}
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("speak to the cluster: %w", err)
	}
	return &verify.Runner{
		Client:         kube,
		Objects:        objects,
		Namespace:      d.Config.Chart.Namespace,
		Release:        d.Config.Chart.Release,
		Image:          image,
		Args:           []string{ProbeCommand},
		Kubectl:        d.Kubectl(),
		PodsReplacedAt: d.replaced,
		Exit:           d.exitIn,
	}, nil
}

// exitIn is how a container of the cluster's node has ended.
func (d *Run) exitIn(ctx context.Context, node, id string) (code int, ok bool) {
	for _, n := range d.Cluster.NodesOf(d.seen) {
		if n.Name() == node {
			return n.Exit(ctx, id)
		}
	}
	return 0, false
}
