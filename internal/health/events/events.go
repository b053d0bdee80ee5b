// Package events summarizes the events of an object.
package events

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Summary summarizes events.
type Summary struct {
	Message     string // of the newest event
	First, Last time.Time
	Count       int32
}

// Seen reports whether there was an event.
func (s Summary) Seen() bool { return s.Count > 0 }

// Match selects events.
type Match func(*corev1.Event) bool

// Summarize summarizes the events that match.
func Summarize(all []*corev1.Event, match Match) Summary {
	var s Summary
	for _, e := range all {
		if !match(e) {
			continue
		}
		first, last := times(e)
		if s.First.IsZero() || !first.IsZero() && first.Before(s.First) {
			s.First = first
		}
		if s.Count == 0 || last.After(s.Last) {
			s.Last, s.Message = last, e.Message
		}
		s.Count += count(e)
	}
	return s
}

// WithReason matches events with a reason and a text in the message.
func WithReason(want, text string) Match {
	return func(e *corev1.Event) bool { return e.Reason == want && strings.Contains(e.Message, text) }
}

// WithContainerReason matches events of a container.
func WithContainerReason(container, want, text string) Match {
	match := WithReason(want, text)
	return func(e *corev1.Event) bool {
		return match(e) && strings.HasSuffix(e.InvolvedObject.FieldPath, "{"+container+"}")
	}
}

// times supports core events, with timestamps and a count, and those of
// events.k8s.io, with an event time and a series.
func times(e *corev1.Event) (first, last time.Time) {
	first, last = e.FirstTimestamp.Time, e.LastTimestamp.Time
	if first.IsZero() {
		first = e.EventTime.Time
	}
	if first.IsZero() {
		first = e.CreationTimestamp.Time
	}
	if e.Series != nil && e.Series.LastObservedTime.After(last) {
		last = e.Series.LastObservedTime.Time
	}
	if first.After(last) {
		last = first
	}
	return first, last
}

func count(e *corev1.Event) int32 {
	if e.Series != nil {
		return max(1, e.Series.Count)
	}
	return max(1, e.Count)
}
