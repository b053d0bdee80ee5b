package probe

import "time"

// An Outcome says how a check ended.
type Outcome string

// The outcomes.
const (
	Passed  Outcome = "passed"
	Failed  Outcome = "failed"
	Blocked Outcome = "blocked" // not asked: a check that it needs did not pass
)

// A Reason says how far a failed check came.
type Reason string

// The reasons.
const (
	NoName       Reason = "no-name"       // the name has no address
	Refused      Reason = "refused"       // the connection was refused: nothing listens, or no endpoint is ready
	NoConnection Reason = "no-connection" // no route, or no connection in time
	NoAnswer     Reason = "no-answer"     // connected, then silence or a broken connection
	WrongAnswer  Reason = "wrong-answer"  // an answer, but not the expected one
)

// A Result is the end of one check. In the pod it is written as one JSON line.
type Result struct {
	ID        string        `json:"id"`
	Outcome   Outcome       `json:"outcome"`
	Reason    Reason        `json:"reason,omitempty"`     // set if Failed
	BlockedBy string        `json:"blocked_by,omitempty"` // ID of the check that is the cause; set if Blocked
	Message   string        `json:"message"`              // one line: what was asked and what came back
	Attempts  int           `json:"attempts"`
	Latency   time.Duration `json:"latency"` // of the last try
	Elapsed   time.Duration `json:"elapsed"` // of all tries and the waits between them
	Answer    Answer        `json:"answer"`

	Check Check  `json:"-"` // the question; set by the Runner
	Cause string `json:"-"` // what the cluster's objects say about the failure; set by the Runner, may be empty
}

// An Answer is what the last try got.
type Answer struct {
	Addresses []string `json:"addresses,omitempty"` // DNS
	Status    int      `json:"status,omitempty"`    // HTTP
	Body      string   `json:"body,omitempty"`      // HTTP: the first 200 bytes, on one line
	GRPC      string   `json:"grpc,omitempty"`      // gRPC: the serving status, or the status code of the call
}
