package release

import (
	"context"

	"helm.sh/helm/v3/pkg/release"

	"tkdeploy.dev/tkdeploy/internal/release/chart"
)

// An Observation is how a release stands against what is desired.
type Observation struct {
	Exists   bool      // there is some revision
	Current  bool      // the newest revision is deployed, as desired, without drift
	Deployed *Deployed // if Current: what [Client.Deployed] would give, without another reading

	// Cause says in words what is not as desired: "no release yet", "image
	// services.auth.image changed tiktok-auth-service:1 -> 2", "Deployment
	// auth-service is gone", "revision 3 is pending-upgrade: an earlier run was
	// interrupted". If Current, it is "matches its fingerprint".
	Reason string
}

// Observe compares the release with what is desired. It changes nothing.
func (c *Client) Observe(ctx context.Context, d chart.Desired) (Observation, error) {
	d = c.desired(d)
	p, err := chart.Prepare(d)
	if err != nil {
		return Observation{}, err
	}
	s, err := c.survey(ctx, d, p)
	if err != nil {
		return Observation{}, err
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

func (c *Client) survey(ctx context.Context, d chart.Desired, p *chart.Prepared) (s survey, err error) {
	s.desired, s.prepared = d, p
	if s.fingerprint, err = p.Fingerprint(); err != nil {
		return survey{}, err
	}
	if s.history, err = c.releases(ctx); err != nil {
		return survey{}, err
	}
	changes, drift, err := c.compare(ctx, s)
	if err != nil {
		return survey{}, err
	}
	s.decision = decide(s.history, changes, drift)
	return s, nil
}

// compare looks at the newest revision, if it is deployed; the live objects are
// of interest only if nothing else has changed.
func (c *Client) compare(ctx context.Context, s survey) (changes, drift []string, err error) {
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
