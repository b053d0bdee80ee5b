package hooks

import "fmt"

// result is how a hook ended, or how far it got.
type result struct {
	failures []Failure
	hasSteps bool // in TAP
	lastStep string
	ended    bool  // nothing is running anymore
	err      error // why it could not be judged

	startError string // why the node could not start it
}

func (r result) waitingFor() string {
	if r.lastStep == "" {
		return "wait for the hook to finish"
	}
	return fmt.Sprintf("wait for the hook to finish after step %q", r.lastStep)
}
