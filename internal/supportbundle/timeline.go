package supportbundle

import (
	"slices"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// A Stage is how far a stage of the run came.
type Stage struct {
	ID        string        `json:"id"`
	Title     string        `json:"title"`
	Needs     []string      `json:"needs,omitempty"`
	Outcome   event.Outcome `json:"outcome,omitempty"` // none if it has not ended
	ElapsedMS int64         `json:"elapsed_ms"`
	Cause     string        `json:"cause,omitempty"` // why it acted or rested
	Error     string        `json:"error,omitempty"`
	Hint      string        `json:"hint,omitempty"`
}

// A Story is what the events of a run tell: its plan, and what became of it.
type Timeline struct {
	Began    time.Time
	Stages   []Stage
	Recovery string // why the run was taken back, or none
	Warnings []string
}

// Report adds e.
func (s *Timeline) Report(e event.Event) {
	switch e.Kind {
	case event.RunStarted:
		s.Began = e.Time
		s.plan(e)
	case event.RecoveryStarted:
		s.Recovery = e.Reason
		s.plan(e)
	case event.Warning:
		s.Warnings = append(s.Warnings, e.Message)
	case event.StageStarted, event.StageFinished:
		s.stage(e)
	}
}

func (s *Timeline) plan(e event.Event) {
	for _, info := range e.Plan {
		s.Stages = append(s.Stages, Stage{ID: info.ID, Title: info.Title, Needs: info.Needs})
	}
}

func (s *Timeline) stage(e event.Event) {
	i := slices.IndexFunc(s.Stages, func(stage Stage) bool { return stage.ID == e.Stage })
	if i < 0 {
		return
	}
	stage := &s.Stages[i]
	if e.Reason != "" {
		stage.Cause = e.Reason
	}
	stage.Outcome, stage.ElapsedMS = e.Outcome, e.Elapsed.Milliseconds()
	if e.Err != nil {
		stage.Error, stage.Hint = e.Err.Error(), fault.HintOf(e.Err)
	}
}
