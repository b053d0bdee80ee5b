package health

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// A sign is one or more events of the same meaning about one object.
type sign struct {
	message     string // of the newest
	first, last time.Time
	count       int32
}

func (s sign) seen() bool { return s.count > 0 }

// sign gathers the events about an object that match.
func (v *view) sign(about types.UID, match func(*corev1.Event) bool) sign {
	var s sign
	for _, e := range v.events[about] {
		if !match(e) {
			continue
		}
		first, last := eventTimes(e)
		s.first = earliest(s.first, first)
		if s.count == 0 || last.After(s.last) {
			s.last, s.message = last, e.Message
		}
		s.count += eventCount(e)
	}
	return s
}

// reason matches events of one reason whose message has the text.
func reason(want, text string) func(*corev1.Event) bool {
	return func(e *corev1.Event) bool { return e.Reason == want && strings.Contains(e.Message, text) }
}

// containerReason is reason for events about one container.
func containerReason(container, want, text string) func(*corev1.Event) bool {
	match := reason(want, text)
	return func(e *corev1.Event) bool {
		return match(e) && strings.HasSuffix(e.InvolvedObject.FieldPath, "{"+container+"}")
	}
}

// eventTimes are when an event happened first and last. Core events carry
// timestamps and a count; events that came through events.k8s.io carry an event
// time and a series.
func eventTimes(e *corev1.Event) (first, last time.Time) {
	first, last = e.FirstTimestamp.Time, e.LastTimestamp.Time
	if first.IsZero() {
		first = e.EventTime.Time
	}
	if first.IsZero() {
		first = e.CreationTimestamp.Time
	}
	if e.Series != nil {
		last = latest(last, e.Series.LastObservedTime.Time)
	}
	return first, latest(first, last)
}

func eventCount(e *corev1.Event) int32 {
	if e.Series != nil {
		return max(1, e.Series.Count)
	}
	return max(1, e.Count)
}
