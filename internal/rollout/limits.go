package rollout

import "time"

// Limits are the times and counts by which the wait itself goes. The zero value
// of a field is taken as is: start from [DefaultLimits].
type Limits struct {
	FailureDebounce time.Duration // from the first fatal cause to the end, so that causes of one origin come together
	Resync          time.Duration // a watch is dropped and everything listed again
	Request         time.Duration // a list must answer within
	Retry           time.Duration // pause after a failed request
	APIWarnAfter    time.Duration // silence of the API server after which to warn
	APITimeout      time.Duration // silence of the API server after which to give up
	LogLines        int           // last lines of a log
	LogWidth        int           // characters of each line
	LogTime         time.Duration // for all logs of a failure together
}

// DefaultLimits are tkdeploy's limits.
func DefaultLimits() Limits {
	return Limits{
		FailureDebounce: time.Second,
		Resync:          10 * time.Second, // with Request a silent watch is noticed within 20 s
		Request:         10 * time.Second,
		Retry:           time.Second,
		APIWarnAfter:    15 * time.Second,
		APITimeout:      120 * time.Second, // an API server restarts in 30 to 60 s
		LogLines:        20,
		LogWidth:        300,
		LogTime:         5 * time.Second,
	}
}
