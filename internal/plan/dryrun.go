package plan

import (
	"context"
	"fmt"
)

// PlannedAction is what a run would do with a stage.
type PlannedAction struct {
	Stage, Title string
	Observation
	Applies bool
}

// DryRun observes the stages in order and applies nothing. The state of a stage
// is Unknown if it follows one with changes.
func DryRun(ctx context.Context, p Plan) ([]PlannedAction, error) {
	applies := map[string]bool{}
	var actions []PlannedAction
	for _, s := range p.stages {
		action := PlannedAction{Stage: s.ID, Title: s.Title}
		if need := firstIn(applies, p.planned(s.observePrerequisites())); need != "" {
			action.Observation = Observation{Unknown, "known after " + need}
		} else {
			observed, err := s.Observe(ctx)
			if err != nil {
				return actions, &StageError{s.ID, err}
			}
			action.Observation = observed
		}
		action.Applies = action.State != Satisfied && s.Apply != nil
		applies[s.ID] = action.Applies
		actions = append(actions, action)
	}
	return actions, nil
}

func firstIn(set map[string]bool, ids []string) string {
	for _, id := range ids {
		if set[id] {
			return id
		}
	}
	return ""
}

// String formats the action as stage, "keep" or "run", and reason.
func (a PlannedAction) String() string {
	verb := "keep"
	if a.Applies {
		verb = "run"
	}
	return fmt.Sprintf("%-8s %-5s %s", a.Stage, verb, a.Reason)
}
