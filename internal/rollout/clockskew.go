package rollout

import "time"

// clockSkew is how far the cluster's clock is behind the local one. Grace periods
// are measured from cluster timestamps, so uncorrected skew would end them early.
type clockSkew struct {
	smallest time.Duration
	known    bool
}

// skewTolerance is the difference that is ignored: timestamps have whole seconds
// and arrive late.
const skewTolerance = 3 * time.Second

// observe updates the skew from a newly created object. The smallest difference is
// the skew; larger ones include the delay of the watch.
func (s *clockSkew) observe(created, now time.Time) {
	if created.IsZero() {
		return
	}
	if d := now.Sub(created); !s.known || d < s.smallest {
		s.smallest, s.known = d, true
	}
}

func (s *clockSkew) clusterTime(now time.Time) time.Time {
	if s.smallest > -skewTolerance && s.smallest < skewTolerance {
		return now
	}
	return now.Add(-s.smallest)
}
