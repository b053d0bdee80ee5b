package report

import (
	"cmp"
	"slices"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// span is a stage, an item or a step: the work that a progress event without an
// item describes.
type span struct {
	id       string // of a stage
	name     string // the title of a stage, an item, or the message of a step
	parent   *span  // the stage of an item or step
	step     bool
	needs    []string
	recovery bool // a stage of the rollback

	firstSeen    time.Time
	start, ended time.Time   // zero if it did not start or end
	reached      []time.Time // milestones, in order
	reason       string
	progress     string // last progress message of an item
	warnings     []string
	ends         []event.Event // an item may end twice: a stuck pod is deleted, then ready
	items        []*span       // and steps, by first event
}

func (s *span) begin(t time.Time) {
	if !t.IsZero() && (s.start.IsZero() || t.Before(s.start)) {
		s.start = t
	}
}

func (s *span) end(e event.Event) {
	s.begin(e.Start)
	s.ends, s.ended = append(s.ends, e), e.Time
	s.reason = cmp.Or(e.Reason, s.reason)
}

// addProgress starts the item of e or, if e has none, a step.
func (s *span) addProgress(e event.Event) {
	if e.Item != "" {
		i := s.item(e)
		i.begin(e.Time)
		i.progress = e.Message
		return
	}
	s.endStep(e.Time)
	s.items = append(s.items, &span{name: e.Message, parent: s, step: true, firstSeen: e.Time, start: e.Time})
}

// item finds or adds the event's item. A new item ends the current step.
func (s *span) item(e event.Event) *span {
	name := clean(e.Item)
	for _, i := range s.items {
		if !i.step && i.name == name {
			return i
		}
	}
	s.endStep(e.Time)
	i := &span{name: name, parent: s, firstSeen: e.Time}
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

// close ends the last step of a successful stage and removes the items without an
// end, which only showed progress.
func (s *span) close() {
	if outcome := s.outcome(); outcome != event.Done && outcome != event.Unchanged {
		return
	}
	s.endStep(s.ended)
	s.items = slices.DeleteFunc(s.items, func(i *span) bool { return i.ended.IsZero() })
}

func (s *span) outcome() event.Outcome {
	switch {
	case len(s.ends) > 0:
		return s.ends[len(s.ends)-1].Outcome
	case s.step && !s.ended.IsZero():
		return event.Done
	}
	return ""
}

func (s *span) state() string {
	switch {
	case s.outcome() != "":
		return string(s.outcome())
	case s.start.IsZero():
		return "not started"
	}
	return "not finished"
}

// messages returns the messages of all ends, one per line, or the latest progress
// if there is no end.
func (s *span) messages() string {
	if len(s.ends) == 0 {
		return clean(s.progress)
	}
	var text string
	for _, e := range s.ends {
		message := e.Message
		if e.Err != nil && message == "" {
			message = e.Err.Error()
		}
		if message != "" {
			text = addLine(text, message)
		}
	}
	return text
}
