package rollout

import "time"

// clockSkew is how far the cluster's clock is behind the local one. Grace periods
// start at cluster timestamps, so skew would distort them.
type clockSkew struct {
	smallest time.Duration
	known    bool
}

// skewTolerance is the skew that is ignored: timestamps have whole seconds and
// arrive late.
const skewTolerance = 3 * time.Second

// observe records a newly created object. The smallest difference is the skew;
// larger ones include the watch's delay.
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
