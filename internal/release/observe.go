package release

import (
	"context"

	"helm.sh/helm/v3/pkg/release"
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
func (c *Client) Observe(ctx context.Context, d Desired) (Observation, error) {
	p, err := prepare(c.desired(d))
	if err != nil {
		return Observation{}, err
	}
	s, err := c.survey(ctx, p)
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

// A survey is all that a decision rests on, and the decision.
type survey struct {
	prepared    *prepared
	fingerprint string
	history     []*release.Release
	decision    decision
}

// newest is the newest revision, or nil.
func (s survey) newest() *release.Release {
	if len(s.history) == 0 {
		return nil
	}
	return s.history[len(s.history)-1]
}

// inCluster is the revision whose objects are in the cluster as far as is
// known, or nil. It is what Helm's upgrade starts from.
func (s survey) inCluster() *release.Release {
	if s.decision.op == opInstall {
		return nil
	}
	if rel := deployed(s.history); rel != nil {
		return rel
	}
	return s.newest()
}

func (c *Client) survey(ctx context.Context, p *prepared) (s survey, err error) {
	s.prepared = p
	if s.fingerprint, err = p.fingerprint(); err != nil {
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
	if changes, err = s.prepared.changes(newest, s.fingerprint); err != nil || len(changes) > 0 {
		return changes, nil, err
	}
	drift, err = c.drift(ctx, newest)
	return nil, drift, err
}
