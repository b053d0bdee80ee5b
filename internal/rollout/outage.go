package rollout

import (
	"fmt"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// An outage follows whether the API server answers.
type outage struct {
	limits Limits
	report event.Reporter
	since  time.Time // the last answer before the outage; zero outside one
	warned bool
}

// check is told which source is failing, or nil. It reports whether nothing can
// be decided now, with an error when that has lasted too long.
func (o *outage) check(failing *cacheEntry, now time.Time) (away bool, err error) {
	if failing == nil {
		if o.warned {
			o.report.Report(event.Warn(fmt.Sprintf("API server answers again after %s", seconds(now.Sub(o.since)))))
		}
		o.since, o.warned = time.Time{}, false
		return false, nil
	}
	if o.since.IsZero() {
		o.since = failing.lastResponse
	}
	lasted := now.Sub(failing.lastResponse)
	if lasted >= o.limits.APITimeout {
		return true, apiError(fmt.Errorf("wait for workloads: the API server has not answered for %s: %w", seconds(lasted), failing.err))
	}
	if lasted >= o.limits.APIWarnAfter && !o.warned {
		o.warned = true
		o.report.Report(event.Warn(fmt.Sprintf("API server not reachable for %s: %v", seconds(lasted), failing.err)))
	}
	return true, nil
}
