package cli

import (
	"errors"

	"tkdeploy.dev/tkdeploy/internal/rollout"
)

// details are the lines below an error that its text is too short for: a card
// for each cause of a workload that does not come up.
func details(err error) []string {
	var failure *rollout.Failure
	if !errors.As(err, &failure) {
		return nil
	}
	var lines []string
	for _, cause := range failure.Causes {
		lines = append(lines, rollout.FormatCause(cause)...)
	}
	return lines
}
