package report

import (
	"cmp"
	"slices"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// runTrace collects the events of a run by stage and item.
type runTrace struct {
	began, last time.Time   // start of the run, and time of the latest event
	stages      []*span     // by first event; the ID "" is the run itself
	recovery    string      // reason of the rollback, or ""
	finish      event.Event // run.finished; Kind is "" if the run did not finish
}

// Report adds e to the trace.
func (r *runTrace) Report(e event.Event) {
	if r.began.IsZero() {
		r.began = e.Time
	}
	r.last = e.Time
	r.announce(e)
	switch e.Kind {
	case event.StageStarted:
		s := r.stage(e)
		s.begin(e.Time)
		s.reason = e.Reason
	case event.MilestoneReached:
		s := r.stage(e)
		s.reached = append(s.reached, e.Time)
	case event.ItemProgress:
		r.stage(e).addProgress(e)
	case event.ItemFinished:
		r.stage(e).item(e).end(e)
	case event.Warning:
		s := r.stage(e)
		s.warnings = append(s.warnings, e.Message)
	case event.StageFinished:
		s := r.stage(e)
		s.end(e)
		s.close()
	case event.RecoveryStarted:
		r.recovery = e.Reason
	case event.RunFinished:
		r.finish = e
		if !e.Start.IsZero() {
			r.began = e.Start
		}
		if e.Err != nil { // of the run, not of a stage: another run holds the lock
			r.stage(e).end(e)
		}
	}
}

func (r *runTrace) announce(e event.Event) {
	for _, info := range e.Plan {
		s := r.stage(event.Event{Stage: info.ID, Time: e.Time})
		s.name, s.needs, s.recovery = info.Title, info.Needs, e.Kind == event.RecoveryStarted
	}
}

// stage finds or adds the event's stage.
func (r *runTrace) stage(e event.Event) *span {
	for _, s := range r.stages {
		if s.id == e.Stage {
			return s
		}
	}
	s := &span{id: e.Stage, name: cmp.Or(e.Stage, "run"), firstSeen: e.Time}
	r.stages = append(r.stages, s)
	return s
}

func (r *runTrace) started() []*span {
	return slices.DeleteFunc(slices.Clone(r.stages), func(s *span) bool { return s.id == "" || s.start.IsZero() })
}

// duration returns the time up to the end of the run or its latest event.
func (r *runTrace) duration() time.Duration {
	if r.finish.Kind != "" {
		return r.finish.Elapsed
	}
	return r.last.Sub(r.began)
}

func (r *runTrace) offset(t time.Time) time.Duration { return max(t.Sub(r.began), 0) }

// endOf returns the end of the span. If it has none, endOf returns that of its
// stage or the latest event.
func (r *runTrace) endOf(s *span) time.Time {
	switch {
	case !s.ended.IsZero():
		return s.ended
	case s.parent != nil:
		return r.endOf(s.parent)
	}
	return r.last
}

func (r *runTrace) length(s *span) time.Duration {
	if s.start.IsZero() {
		return 0
	}
	return max(r.endOf(s).Sub(s.start), 0)
}
