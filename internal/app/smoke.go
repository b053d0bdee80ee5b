package app

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"tkdeploy.dev/tkdeploy/internal/config"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/verify"
)

// smokeTest asks the checks from inside the cluster and, when all pass, marks
// the revision as verified: it is one that a rollback may go to.
func (d *deployment) smokeTest(ctx context.Context, reporter event.Reporter) error {
	client, err := d.release()
	if err != nil {
		return err
	}
	status, err := client.Status(ctx)
	if err != nil {
		return err
	}
	checks, err := d.checks(ctx)
	if err != nil {
		return err
	}
	runner, err := d.runner(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	if _, err := runner.Run(ctx, checks, reporter); err != nil {
		return err
	}
	return client.MarkVerified(ctx, status.Revision.Revision)
}

// checks are those of the chart's Services and probes and those of the
// configuration.
func (d *deployment) checks(ctx context.Context) ([]verify.Check, error) {
	client, err := d.release()
	if err != nil {
		return nil, err
	}
	objects, err := client.Objects(ctx)
	if err != nil {
		return nil, err
	}
	var extra []verify.Check
	for _, c := range d.config.Verify.Checks {
		check, err := configured(c)
		if err != nil {
			return nil, fault.New(fault.Config, fmt.Errorf("verify.checks: %s: %w", c.Name, err), "")
		}
		extra = append(extra, check)
	}
	checks, err := verify.Select(verify.Derive(objects, d.config.Chart.Namespace), extra, d.config.Verify.Skip)
	return checks, fault.New(fault.Config, err, "")
}

func configured(c config.Check) (verify.Check, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return verify.Check{}, err
	}
	port := map[string]int{"http": 80, "https": 443}[u.Scheme]
	if port == 0 {
		return verify.Check{}, fmt.Errorf("url %s: only http and https are asked", c.URL)
	}
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil {
			return verify.Check{}, err
		}
	}
	return verify.Check{
		ID:     c.Name,
		Kind:   verify.HTTP,
		Target: verify.Target{Host: u.Hostname(), Port: port, Scheme: u.Scheme, Path: u.RequestURI()},
		Expect: verify.Expect{Status: c.Status, Contains: c.Contains},
	}, nil
}

func (d *deployment) runner(ctx context.Context) (*verify.Runner, error) {
	engine, set, err := d.engineAndImages(ctx)
	if err != nil {
		return nil, err
	}
	// only the probe's image: a service that is not built now may well run
	set.Builds, set.Bases = nil, nil
	all, err := engine.Resolve(ctx, set)
	if err != nil {
		return nil, err
	}
	image, err := probeImage(all)
	if err != nil {
		return nil, err
	}
	kube, err := d.kube()
	if err != nil {
		return nil, err
	}
	return &verify.Runner{
		Client:    kube,
		Namespace: d.config.Chart.Namespace,
		Release:   d.config.Chart.Release,
		Image:     image,
		Args:      []string{probeCommandName},
		Kubectl:   d.kubectl(),
	}, nil
}
