// Package plan runs a graph of idempotent stages.
//
// A [Stage] observes its target and applies changes only if the target differs
// from the desired state. A second run changes nothing, and a run after a crash
// resumes.
package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// State is the observed state of a stage.
type State string

// The states. A stage applies changes in all of them but Satisfied.
const (
	Satisfied State = "satisfied" // up to date
	Missing   State = "missing"   // does not exist
	Drifted   State = "drifted"   // differs from the desired state
	Unknown   State = "unknown"   // cannot be observed
)

// Observation is the state of a stage and the reason for it.
type Observation struct {
	State  State
	Reason string
}

// Stage is one step of a run.
type Stage struct {
	ID    string
	Title string
	Needs []string // IDs of stages that must succeed first

	// ApplyNeeds are IDs of stages that must succeed before Apply, but not
	// before Observe.
	ApplyNeeds []string

	// AfterMilestones must be reached first. If the stage of one fails
	// later, this stage is canceled.
	AfterMilestones []Milestone

	// Observe reads the current state and changes nothing.
	Observe func(context.Context) (Observation, error)

	// Apply brings the stage into its desired state and reports progress.
	// It must be safe to retry. A nil Apply marks a read-only stage.
	Apply func(context.Context, event.Reporter) error
}

// Milestone is a point within a stage at which other stages can start. Apply
// reports it as [event.MilestoneReached]. A stage that succeeds has reached all
// of its milestones.
type Milestone struct{ Stage, Name string }

// Plan is a list of stages in an order in which they can run.
type Plan struct {
	stages []Stage
}

// New returns a plan of the stages. Each stage must follow the stages it needs.
// The error names every duplicate ID and unknown need.
func New(stages ...Stage) (Plan, error) {
	var problems []error
	seen := map[string]bool{}
	for _, s := range stages {
		if seen[s.ID] {
			problems = append(problems, fmt.Errorf("stage %q is defined twice", s.ID))
		}
		for _, need := range s.applyPrerequisites() {
			if !seen[need] {
				problems = append(problems, fmt.Errorf("stage %q needs %q, which is not an earlier stage", s.ID, need))
			}
		}
		seen[s.ID] = true
	}
	return Plan{stages: stages}, errors.Join(problems...)
}

// Map returns the plan with f applied to each stage. f must keep the ID and the
// needs.
func (p Plan) Map(f func(Stage) Stage) Plan {
	stages := make([]Stage, len(p.stages))
	for i, s := range p.stages {
		stages[i] = f(s)
	}
	return Plan{stages: stages}
}

// IDs returns the stages' IDs in order.
func (p Plan) IDs() []string {
	ids := make([]string, len(p.stages))
	for i, s := range p.stages {
		ids[i] = s.ID
	}
	return ids
}

func (p Plan) index(id string) int {
	return slices.IndexFunc(p.stages, func(s Stage) bool { return s.ID == id })
}

func (s Stage) observePrerequisites() []string {
	ids := slices.Clone(s.Needs)
	for _, m := range s.AfterMilestones {
		ids = append(ids, m.Stage)
	}
	return ids
}

func (s Stage) applyPrerequisites() []string {
	return append(s.observePrerequisites(), s.ApplyNeeds...)
}

func (p Plan) planned(ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return p.index(id) < 0 })
}

func (p Plan) infos() []event.StageInfo {
	infos := make([]event.StageInfo, len(p.stages))
	for i, s := range p.stages {
		infos[i] = event.StageInfo{ID: s.ID, Title: s.Title, Needs: p.planned(s.applyPrerequisites())}
	}
	return infos
}
