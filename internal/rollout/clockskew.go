package rollout

import "time"

// clockSkew is how far the cluster's clock is behind the local one. Graces are counted
// from the cluster's timestamps: were its clock minutes behind, each would be
// over before it began.
type clockSkew struct {
	smallest time.Duration
	known    bool
}

// skewTolerance is a difference that changes nothing: timestamps have whole seconds
// and take a moment to arrive.
const skewTolerance = 3 * time.Second

// observe learns from an object that was created just now. The smallest difference
// seen is the clocks', the rest is the way here.
func (s *clockSkew) observe(created, now time.Time) {
	if created.IsZero() {
		return
	}
	if d := now.Sub(created); !s.known || d < s.smallest {
		s.smallest, s.known = d, true
	}
}

// clusterTime is the cluster's time.
func (s *clockSkew) clusterTime(now time.Time) time.Time {
	if s.smallest > -skewTolerance && s.smallest < skewTolerance {
		return now
	}
	return now.Add(-s.smallest)
}
