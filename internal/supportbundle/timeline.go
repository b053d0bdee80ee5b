package supportbundle

import (
	"slices"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// Stage is the progress of one stage of the run.
type Stage struct {
	ID        string        `json:"id"`
	Title     string        `json:"title"`
	Needs     []string      `json:"needs,omitempty"`
	Outcome   event.Outcome `json:"outcome,omitempty"` // empty if it has not ended
	ElapsedMS int64         `json:"elapsed_ms"`
	Reason    string        `json:"reason,omitempty"` // why it applied changes or did not
	Error     string        `json:"error,omitempty"`
	Hint      string        `json:"hint,omitempty"`
}

// Timeline summarizes a run: its plan and the outcome of each stage.
type Timeline struct {
	StartedAt time.Time
	Stages    []Stage
	Recovery  string // why the run rolled back; empty if it did not
	Warnings  []string
}

// Report adds e.
func (t *Timeline) Report(e event.Event) {
	switch e.Kind {
	case event.RunStarted:
		t.StartedAt = e.Time
		t.addStages(e.Plan)
	case event.RecoveryStarted:
		t.Recovery = e.Reason
		t.addStages(e.Plan)
	case event.Warning:
		t.Warnings = append(t.Warnings, e.Message)
	case event.StageStarted, event.StageFinished:
		t.updateStage(e)
	}
}

func (t *Timeline) addStages(plan []event.StageInfo) {
	for _, info := range plan {
		t.Stages = append(t.Stages, Stage{ID: info.ID, Title: info.Title, Needs: info.Needs})
	}
}

func (t *Timeline) updateStage(e event.Event) {
	i := slices.IndexFunc(t.Stages, func(s Stage) bool { return s.ID == e.Stage })
	if i < 0 {
		return
	}
	stage := &t.Stages[i]
	if e.Reason != "" {
		stage.Reason = e.Reason
	}
	stage.Outcome, stage.ElapsedMS = e.Outcome, e.Elapsed.Milliseconds()
	if e.Err != nil {
		stage.Error, stage.Hint = e.Err.Error(), fault.HintOf(e.Err)
	}
}
