package rollout

import "time"

// lag is how far the cluster's clock is behind the local one. Graces are counted
// from the cluster's timestamps: were its clock minutes behind, each would be
// over before it began.
type lag struct {
	least time.Duration
	known bool
}

// tolerated is a difference that changes nothing: timestamps have whole seconds
// and take a moment to arrive.
const tolerated = 3 * time.Second

// see learns from an object that was created just now. The least difference
// seen is the clocks', the rest is the way here.
func (l *lag) see(created, now time.Time) {
	if created.IsZero() {
		return
	}
	if d := now.Sub(created); !l.known || d < l.least {
		l.least, l.known = d, true
	}
}

// cluster is the cluster's time.
func (l *lag) cluster(now time.Time) time.Time {
	if l.least > -tolerated && l.least < tolerated {
		return now
	}
	return now.Add(-l.least)
}
