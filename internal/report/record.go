package report

import (
	"slices"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// A record is what the events of a run tell, stage by stage and item by item.
// What is written when a run is over is made of it, however far the run came.
type record struct {
	began, last time.Time   // when the run began, and its newest event
	stages      []*span     // in the order in which they were first heard of; an ID of "" is the run itself
	recovery    string      // why what failed was taken back, or none
	finish      event.Event // run.finished; without a Kind the run broke off
}

// Report adds e.
func (r *record) Report(e event.Event) {
	if r.began.IsZero() {
		r.began = e.Time
	}
	r.last = e.Time
	r.announce(e)
	switch e.Kind {
	case event.StageStarted:
		s := r.stage(e)
		s.begin(e.Time)
		s.cause = e.Reason
	case event.MilestoneReached:
		s := r.stage(e)
		s.reached = append(s.reached, e.Time)
	case event.ItemProgress:
		r.stage(e).progress(e)
	case event.ItemFinished:
		r.stage(e).item(e).end(e)
	case event.Warning:
		s := r.stage(e)
		s.warnings = append(s.warnings, e.Message)
	case event.StageFinished:
		s := r.stage(e)
		s.end(e)
		s.settle()
	case event.RecoveryStarted:
		r.recovery = e.Reason
	case event.RunFinished:
		r.finish = e
		if !e.Start.IsZero() {
			r.began = e.Start
		}
		if e.Err != nil { // of the run, not of a stage: another run is at work
			r.stage(e).end(e)
		}
	}
}

func (r *record) announce(e event.Event) {
	for _, info := range e.Plan {
		s := r.stage(event.Event{Stage: info.ID, Time: e.Time})
		s.name, s.needs, s.back = info.Title, info.Needs, e.Kind == event.RecoveryStarted
	}
}

// stage is the event's; one that no plan announced is added.
func (r *record) stage(e event.Event) *span {
	for _, s := range r.stages {
		if s.id == e.Stage {
			return s
		}
	}
	s := &span{id: e.Stage, name: orElse(e.Stage, "run"), heard: e.Time}
	r.stages = append(r.stages, s)
	return s
}

// begun are the stages that began, in their order.
func (r *record) begun() []*span {
	return slices.DeleteFunc(slices.Clone(r.stages), func(s *span) bool { return s.id == "" || s.start.IsZero() })
}

// whole is how long the run took, or takes so far.
func (r *record) whole() time.Duration {
	if r.finish.Kind != "" {
		return r.finish.Elapsed
	}
	return r.last.Sub(r.began)
}

// after is when t was, from the run's beginning.
func (r *record) after(t time.Time) time.Duration { return max(t.Sub(r.began), 0) }

// until is the span's end, or as far as it is known to go: an item at most to
// its stage's end.
func (r *record) until(s *span) time.Time {
	switch {
	case !s.ended.IsZero():
		return s.ended
	case s.of != nil:
		return r.until(s.of)
	}
	return r.last
}

// length is how long the span lasted.
func (r *record) length(s *span) time.Duration {
	if s.start.IsZero() {
		return 0
	}
	return max(r.until(s).Sub(s.start), 0)
}
