package release

import (
	"context"

	"helm.sh/helm/v3/pkg/release"

	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

// Observation is the difference between the desired and the live release.
type Observation struct {
	Exists   bool
	Current  bool      // the newest revision is deployed and up to date, without drift
	Deployed *Deployed // set if Current; saves a call of [Client.Deployed]

	// Reason lists the differences, such as "no release yet" or "Deployment auth-service
	// is missing". If Current, it is "matches its fingerprint".
	Reason string
}

// Observe compares the release with the desired state. Errors have the classes of
// [Client.Apply].
func (c *Client) Observe(ctx context.Context, d chart.Desired) (Observation, error) {
	d = c.desired(d)
	p, err := chart.Prepare(d)
	if err != nil {
		return Observation{}, err
	}
	s, err := c.observeState(ctx, d, p)
	if err != nil {
		return Observation{}, applyError(err)
	}
	o := Observation{
		Exists:  len(s.history) > 0,
		Current: s.decision.op == opNothing,
		Reason:  s.decision.cause,
	}
	if o.Current {
		o.Reason = "matches its fingerprint"
		o.Deployed, err = c.deployed(s.history)
	}
	return o, err
}

func (c *Client) observeState(ctx context.Context, d chart.Desired, p *chart.Prepared) (s observedState, err error) {
	s.desired, s.prepared = d, p
	if s.fingerprint, err = p.Fingerprint(); err != nil {
		return observedState{}, err
	}
	if s.history, err = c.releases(ctx); err != nil {
		return observedState{}, err
	}
	changes, drift, err := c.compare(ctx, s)
	if err != nil {
		return observedState{}, err
	}
	objects, err := p.Definitions()
	if err != nil {
		return observedState{}, err
	}
	if s.definitions, err = c.crds.Diff(ctx, objects); err != nil {
		return observedState{}, err
	}
	s.decision = decide(s.history, changes, drift).withDefinitions(s.definitions)
	return s, nil
}

// compare reads the live objects only if nothing else has changed.
func (c *Client) compare(ctx context.Context, s observedState) (changes, drift []string, err error) {
	newest := s.newest()
	if newest == nil || newest.Info.Status != release.StatusDeployed {
		return nil, nil, nil
	}
	if newest.Labels[LabelFingerprint] != s.fingerprint {
		changes, err = s.prepared.Changes(newest)
		return changes, nil, err
	}
	drift, err = c.drift.Compare(ctx, newest)
	return nil, drift, err
}
