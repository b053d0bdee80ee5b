package hooks

import "fmt"

// result is how a hook ended, or how far it got.
type result struct {
	failures []Failure
	hasSteps bool   // the hook reported steps in TAP
	lastStep string // the name of the newest step
	ended    bool   // nothing of the hook is running anymore
	err      error  // why the hook could not be judged

	startError string // why the node could not start any process of the hook
}

// waitingFor describes what the runner waited for when ctx ended.
func (r result) waitingFor() string {
	if r.lastStep == "" {
		return "wait for the hook to finish"
	}
	return fmt.Sprintf("wait for the hook to finish after step %q", r.lastStep)
}
