// Package plan is a small graph of stages that look before they act.
//
// A [Stage] first observes the world and acts only if it is not as wanted, so
// running a plan twice changes nothing the second time, and a run after a crash
// is an ordinary run. Stages exchange nothing: each reads the configuration and
// the world, so that any selection of them can run alone.
package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// A State is what a stage sees of the world.
type State string

// The states. All but Satisfied make a stage act.
const (
	Satisfied State = "satisfied" // as wanted: there is nothing to do
	Missing   State = "missing"   // not there yet
	Drifted   State = "drifted"   // there, but not as wanted
	Unknown   State = "unknown"   // can only be told by acting
)

// An Observation is a state and, in words, why the stage is in it.
type Observation struct {
	State  State
	Reason string
}

// A Stage is one step of a run.
type Stage struct {
	ID    string
	Title string   // "Create the cluster"
	Needs []string // IDs of the stages that must have succeeded before

	// ActNeeds are IDs of further stages, which Observe does not depend on: the
	// stage looks while they may still be at work. If there is something to do, it
	// then waits until they have succeeded.
	ApplyNeeds []string

	// After are points within earlier stages that must have been reached. A
	// stage that runs on the strength of one is canceled if the other then
	// fails.
	AfterMilestones []Milestone

	// Observe reads the world and changes nothing.
	Observe func(context.Context) (Observation, error)

	// Act makes the stage's promise true. It is called unless Observe answered
	// Satisfied, may be repeated at any time, and reports what it does.
	// Act may be nil for a stage that only looks.
	Apply func(context.Context, event.Reporter) error
}

// A Milestone is a point within a stage: what other stages want of it is there,
// although it is not done. Its Act reports an [event.StageReached]; a stage that
// succeeds has reached all of its milestones.
type Milestone struct{ Stage, Name string }

// A Plan is a set of stages in an order in which they can run.
type Plan struct {
	stages []Stage
}

// New checks the stages' graph. The error names every duplicate ID, unknown
// need and cycle. The order of stages is kept; a stage must follow its needs.
func New(stages ...Stage) (Plan, error) {
	var problems []error
	seen := map[string]bool{}
	for _, s := range stages {
		if seen[s.ID] {
			problems = append(problems, fmt.Errorf("stage %q: defined twice", s.ID))
		}
		for _, need := range s.before() {
			if !seen[need] {
				problems = append(problems, fmt.Errorf("stage %q: needs %q, which no earlier stage is", s.ID, need))
			}
		}
		seen[s.ID] = true
	}
	return Plan{stages: stages}, errors.Join(problems...)
}

// A Selection narrows a plan. Stages outside it do not run and count as met.
type Selection struct {
	Only     []string // just these; excludes From and To
	From, To string   // the first and the last stage, in the plan's order
}

// Select returns the selected part of the plan. An unknown ID is an error that
// lists the known ones.
func (p Plan) Select(sel Selection) (Plan, error) {
	if len(sel.Only) > 0 && (sel.From != "" || sel.To != "") {
		return Plan{}, errors.New("--only does not go with --from or --to")
	}
	for _, id := range append([]string{sel.From, sel.To}, sel.Only...) {
		if id != "" && p.index(id) < 0 {
			return Plan{}, fmt.Errorf("no stage %q: the stages are %s", id, strings.Join(p.IDs(), ", "))
		}
	}
	first, last := 0, len(p.stages)-1
	if sel.From != "" {
		first = p.index(sel.From)
	}
	if sel.To != "" {
		last = p.index(sel.To)
	}
	if first > last {
		return Plan{}, fmt.Errorf("stage %q comes after %q: nothing would run", sel.From, sel.To)
	}
	var picked []Stage
	for i, s := range p.stages {
		if i < first || i > last || len(sel.Only) > 0 && !slices.Contains(sel.Only, s.ID) {
			continue
		}
		picked = append(picked, s)
	}
	return Plan{stages: picked}, nil
}

// Map is the plan with each stage replaced by what f makes of it. f keeps the
// ID and the needs.
func (p Plan) Map(f func(Stage) Stage) Plan {
	stages := make([]Stage, len(p.stages))
	for i, s := range p.stages {
		stages[i] = f(s)
	}
	return Plan{stages: stages}
}

// IDs lists the stages in the plan's order.
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

// toLook are the stages that must have ended or come some way before s observes.
func (s Stage) toLook() []string {
	ids := slices.Clone(s.Needs)
	for _, m := range s.AfterMilestones {
		ids = append(ids, m.Stage)
	}
	return ids
}

// before are those that must have before it acts.
func (s Stage) before() []string { return append(s.toLook(), s.ApplyNeeds...) }

// needs are those of the stages before s that are part of the plan.
func (p Plan) needs(s Stage) []string { return p.among(s.before()) }

// among are those of the stages that are part of the plan.
func (p Plan) among(ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return p.index(id) < 0 })
}

func (p Plan) infos() []event.StageInfo {
	infos := make([]event.StageInfo, len(p.stages))
	for i, s := range p.stages {
		infos[i] = event.StageInfo{ID: s.ID, Title: s.Title, Needs: p.needs(s)}
	}
	return infos
}
