package rollout

import (
	"fmt"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
)

type outage struct {
	limits Limits
	report event.Reporter
	since  time.Time // last response before the outage, or zero
	warned bool
}

// check reports whether the API server is away. It fails if the outage lasts too
// long. failing may be nil.
func (o *outage) check(failing *cacheEntry, now time.Time) (away bool, err error) {
	if failing == nil {
		if o.warned {
			o.report.Report(event.Warn(fmt.Sprintf("API server is responding again after %s", seconds(now.Sub(o.since)))))
		}
		o.since, o.warned = time.Time{}, false
		return false, nil
	}
	if o.since.IsZero() {
		o.since = failing.lastResponse
	}
	lasted := now.Sub(failing.lastResponse)
	if lasted >= o.limits.APITimeout {
		return true, apiError(fmt.Errorf("wait for workloads: API server not responding for %s: %w", seconds(lasted), failing.err))
	}
	if lasted >= o.limits.APIWarnAfter && !o.warned {
		o.warned = true
		o.report.Report(event.Warn(fmt.Sprintf("API server not responding for %s: %v", seconds(lasted), failing.err)))
	}
	return true, nil
}
