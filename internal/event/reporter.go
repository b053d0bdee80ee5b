package event

import "sync"

// Reporter receives events in order, one call at a time. Report must return
// quickly and must not be called recursively.
type Reporter interface {
	Report(Event)
}

// ReporterFunc adapts a function to a [Reporter].
type ReporterFunc func(Event)

// Report calls f.
func (f ReporterFunc) Report(e Event) { f(e) }

// Discard drops every event.
var Discard Reporter = ReporterFunc(func(Event) {})

// Synchronized returns a Reporter that is safe for concurrent use. A nil reporter
// drops every event.
func Synchronized(reporter Reporter) Reporter {
	if reporter == nil {
		return Discard
	}
	var mu sync.Mutex
	return ReporterFunc(func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		reporter.Report(e)
	})
}

// Tee returns a Reporter that passes each event to all reporters.
func Tee(reporters ...Reporter) Reporter {
	return ReporterFunc(func(e Event) {
		for _, r := range reporters {
			r.Report(e)
		}
	})
}
