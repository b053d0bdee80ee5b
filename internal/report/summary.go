package report

import (
	"tkdeploy.dev/tkdeploy/internal/event"
)

// Summary collects the results of a run from its events.
type Summary struct {
	Stages  []StageResult // in the order of their end
	Changes int
}

// StageResult is the result of one stage.
type StageResult struct {
	ID      string        `json:"id"`
	Outcome event.Outcome `json:"outcome"`
	Elapsed int64         `json:"elapsed_ms"`
	Reason  string        `json:"reason,omitempty"`
	Error   string        `json:"error,omitempty"`
}

// Report adds e to the summary.
func (s *Summary) Report(e event.Event) {
	switch e.Kind {
	case event.ItemFinished:
		s.Changes += e.Mutations
	case event.StageFinished:
		result := StageResult{ID: e.Stage, Outcome: e.Outcome, Elapsed: e.Elapsed.Milliseconds(), Reason: e.Reason}
		if e.Err != nil {
			result.Error = e.Err.Error()
		}
		s.Stages = append(s.Stages, result)
	}
}
