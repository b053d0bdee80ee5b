package report

import (
	"tkdeploy.dev/tkdeploy/internal/event"
)

// A Summary is what the events of a run add up to.
type Summary struct {
	Stages    []StageResult // in the order in which they ended
	Mutations int
}

// StageResult is how one stage ended.
type StageResult struct {
	ID      string        `json:"id"`
	Outcome event.Outcome `json:"outcome"`
	Elapsed int64         `json:"elapsed_ms"`
	Cause   string        `json:"cause,omitempty"`
	Error   string        `json:"error,omitempty"`
}

// Report adds e.
func (s *Summary) Report(e event.Event) {
	switch e.Kind {
	case event.ItemFinished:
		s.Mutations += e.Mutations
	case event.StageFinished:
		result := StageResult{ID: e.Stage, Outcome: e.Outcome, Elapsed: e.Elapsed.Milliseconds(), Cause: e.Reason}
		if e.Err != nil {
			result.Error = e.Err.Error()
		}
		s.Stages = append(s.Stages, result)
	}
}
