package rollout

import "time"

// Limits holds the limits of a wait. Start from [DefaultLimits]: zero fields have
// no defaults.
type Limits struct {
	FailureDebounce time.Duration // delay after a fatal cause, to collect others
	Resync          time.Duration // interval of lists; limits each watch
	Request         time.Duration // timeout of a list
	Retry           time.Duration // delay after a failed request
	APIWarnAfter    time.Duration // API server outage before a warning
	APITimeout      time.Duration // API server outage before the wait fails
	LogLines        int
	LogWidth        int           // in characters
	LogTime         time.Duration // timeout for all logs
}

// DefaultLimits returns tkdeploy's limits.
func DefaultLimits() Limits {
	return Limits{
		FailureDebounce: time.Second,
		Resync:          10 * time.Second, // a silent watch is noticed within 20s
		Request:         10 * time.Second,
		Retry:           time.Second,
		APIWarnAfter:    15 * time.Second,
		APITimeout:      120 * time.Second, // an API server restarts in 30 to 60s
		LogLines:        20,
		LogWidth:        300,
		LogTime:         5 * time.Second,
	}
}
