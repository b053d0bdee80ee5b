package probe

import "time"

// Outcome is the outcome of a check.
type Outcome string

// The outcomes of a check.
const (
	Passed  Outcome = "passed"
	Failed  Outcome = "failed"
	Blocked Outcome = "blocked" // skipped because a needed check did not pass
)

// Reason is the step at which a check failed.
type Reason string

// The reasons, in the order of the steps.
const (
	Unresolved  Reason = "unresolved"  // the name has no address
	Refused     Reason = "refused"     // nothing listens, or no endpoint is ready
	Unreachable Reason = "unreachable" // no route, or no connection in time
	NoResponse  Reason = "no-response" // connected, then no response or a broken connection
	Unexpected  Reason = "unexpected"  // not the expected response
)

// Result is the result of a check, and a JSON line of the pod's log.
type Result struct {
	ID        string        `json:"id"`
	Outcome   Outcome       `json:"outcome"`
	Reason    Reason        `json:"reason,omitempty"`     // if Failed
	BlockedBy string        `json:"blocked_by,omitempty"` // ID of the failed check, if Blocked
	Message   string        `json:"message"`              // one line: the request and the response
	Attempts  int           `json:"attempts"`
	Latency   time.Duration `json:"latency"` // of the last attempt
	Elapsed   time.Duration `json:"elapsed"` // of all attempts and pauses
	Answer    Answer        `json:"answer"`

	Check Check  `json:"-"` // set by the reader
	Cause string `json:"-"` // set by the reader; may be empty
}

// Answer is the response to the last attempt.
type Answer struct {
	Addresses []string `json:"addresses,omitempty"` // DNS
	Status    int      `json:"status,omitempty"`    // HTTP
	Body      string   `json:"body,omitempty"`      // HTTP: the first 200 bytes, on one line
	GRPC      string   `json:"grpc,omitempty"`      // serving status, or status code of a failed call
}
