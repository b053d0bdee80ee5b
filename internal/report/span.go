package report

import (
	"slices"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// A span is a stage, one of its items or one of its steps: what an event
// without an item says that the stage does.
type span struct {
	id    string // of a stage
	name  string // a stage's title, an item, or what a step does
	of    *span  // the stage of an item or step
	step  bool
	needs []string
	back  bool // a stage of the recovery

	heard        time.Time   // when it was first heard of
	start, ended time.Time   // zero if it did not begin, or end
	reached      []time.Time // its milestones, in their order
	cause        string
	doing        string // of an item: what it was last said to do
	warnings     []string
	ends         []event.Event // an item may end more than once: a pod is unstuck, then ready
	items        []*span       // and steps, in the order in which they were first heard of
}

// begin notes a beginning; the earliest counts.
func (s *span) begin(t time.Time) {
	if !t.IsZero() && (s.start.IsZero() || t.Before(s.start)) {
		s.start = t
	}
}

func (s *span) end(e event.Event) {
	s.begin(e.Start)
	s.ends, s.ended = append(s.ends, e), e.Time
	s.cause = orElse(e.Reason, s.cause)
}

// progress begins an item or, where the event has none, a step.
func (s *span) progress(e event.Event) {
	if e.Item != "" {
		i := s.item(e)
		i.begin(e.Time)
		i.doing = e.Message
		return
	}
	s.endStep(e.Time)
	s.items = append(s.items, &span{name: e.Message, of: s, step: true, heard: e.Time, start: e.Time})
}

// item is the event's. A new one ends the step before it.
func (s *span) item(e event.Event) *span {
	name := clean(e.Item)
	for _, i := range s.items {
		if !i.step && i.name == name {
			return i
		}
	}
	s.endStep(e.Time)
	i := &span{name: name, of: s, heard: e.Time}
	s.items = append(s.items, i)
	return i
}

func (s *span) endStep(t time.Time) {
	for _, i := range s.items {
		if i.step && i.ended.IsZero() {
			i.ended = t
		}
	}
}

// settle closes a stage that has ended. Of one that ended well, an item that
// was begun and never ended was a mere sign of life.
func (s *span) settle() {
	if outcome := s.outcome(); outcome != event.Done && outcome != event.Unchanged {
		return
	}
	s.endStep(s.ended)
	s.items = slices.DeleteFunc(s.items, func(i *span) bool { return i.ended.IsZero() })
}

// outcome is how it ended the last time, or "" if it did not end.
func (s *span) outcome() event.Outcome {
	switch {
	case len(s.ends) > 0:
		return s.ends[len(s.ends)-1].Outcome
	case s.step && !s.ended.IsZero():
		return event.Done
	}
	return ""
}

// state is the outcome, in words also for what did not end.
func (s *span) state() string {
	switch {
	case s.outcome() != "":
		return string(s.outcome())
	case s.start.IsZero():
		return "not begun"
	}
	return "not ended"
}

// said is all that was told of its ends, a line each. Of what did not end it is
// what was being done.
func (s *span) said() string {
	if len(s.ends) == 0 {
		return clean(s.doing)
	}
	var text string
	for _, e := range s.ends {
		said := e.Message
		if e.Err != nil && said == "" {
			said = e.Err.Error()
		}
		if said != "" {
			text = addLine(text, said)
		}
	}
	return text
}
