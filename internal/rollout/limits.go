package rollout

import "time"

// Limits holds the intervals, timeouts and sizes of a wait. Zero fields are not
// replaced by defaults: start from [DefaultLimits].
type Limits struct {
	FailureDebounce time.Duration // delay after the first fatal cause, to collect related ones
	Resync          time.Duration // interval of full lists; limits each watch
	Request         time.Duration // timeout of a list
	Retry           time.Duration // delay after a failed request
	APIWarnAfter    time.Duration // outage of the API server before a warning
	APITimeout      time.Duration // outage of the API server before the wait fails
	LogLines        int
	LogWidth        int           // in characters
	LogTime         time.Duration // timeout for all logs of a failure
}

// DefaultLimits returns tkdeploy's limits.
func DefaultLimits() Limits {
	return Limits{
		FailureDebounce: time.Second,
		Resync:          10 * time.Second, // with Request, a silent watch is noticed within 20s
		Request:         10 * time.Second,
		Retry:           time.Second,
		APIWarnAfter:    15 * time.Second,
		APITimeout:      120 * time.Second, // an API server restarts in 30 to 60s
		LogLines:        20,
		LogWidth:        300,
		LogTime:         5 * time.Second,
	}
}
