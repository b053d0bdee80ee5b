// Package event is the contract between the work and its display.
//
// The work reports what happens as a stream of [Event] values; the renderers in
// package report, the run's summary and its exit status are all folded from
// that one stream. The package depends on nothing but the standard library.
package event

import (
	"sync"
	"time"
)

// A Kind says what an event tells.
type Kind string

// The kinds, in the order in which a run has them.
const (
	RunStarted       Kind = "run.started"      // Plan lists the stages to come
	StageStarted     Kind = "stage.started"    // Cause says why the stage acts
	MilestoneReached Kind = "stage.reached"    // the stage goes on, and Milestone is behind it
	ItemProgress     Kind = "item.progress"    // Item is being worked on; Message says what is done
	ItemFinished     Kind = "item.finished"    // Item is done; Outcome, Elapsed and Mutations are set
	Warning          Kind = "warning"          // Message is worth knowing and stops nothing
	StageFinished    Kind = "stage.finished"   // Outcome, Cause, Elapsed and, if failed, Err
	RecoveryStarted  Kind = "recovery.started" // what failed is being taken back: Cause says why, Plan lists the further stages
	RunFinished      Kind = "run.finished"     // always last, exactly once
)

// An Outcome says how a stage, an item or a run ended.
type Outcome string

// The outcomes.
const (
	Done      Outcome = "done"      // work was done and the result holds
	Unchanged Outcome = "unchanged" // the world already was as wanted
	Failed    Outcome = "failed"
	Blocked   Outcome = "blocked" // never started: something that it needs failed
	Canceled  Outcome = "canceled"
)

// An Event is one thing that happened. Which fields are set depends on Kind.
type Event struct {
	Seq  int       // 1, 2, 3…: the order of the stream; set by the runner
	Time time.Time // set by the runner

	Kind    Kind
	Stage   string // stage ID; empty for events of the run
	Item    string // what within the stage: an image, a workload, a check
	Message string // one line for a person
	Reason  string // why a stage acts or rests; why an item is worked on, where that is not its stage's cause

	Milestone string // StageReached only

	Current, Total int64 // progress of Item in bytes or steps; Total 0 is unknown

	Outcome Outcome
	Elapsed time.Duration
	Err     error

	// Start is when the work that has ended began; Time is its end. It is zero
	// for what never began. The runner sets it for items that leave it open.
	Start time.Time

	// Mutations counts what the event's work changed in the world: images
	// built, pulled or loaded into a node, clusters created or started,
	// revisions written, objects applied. Only ItemFinished carries it.
	Mutations int

	Plan []StageInfo // RunStarted and RecoveryStarted only

	// Of RunFinished only: the exit status that the process ends with, whether
	// a failed upgrade was taken back, and the folder of the diagnostics bundle,
	// if one was written.
	Exit        int
	RolledBack  bool
	Diagnostics string
}

// StageInfo announces a stage of the run.
type StageInfo struct {
	ID    string
	Title string
	Needs []string
}

// A Reporter is told about events one call at a time, in order. Report must
// return quickly and must not be called again from within.
type Reporter interface {
	Report(Event)
}

// Func makes a function a [Reporter].
type ReporterFunc func(Event)

// Report calls f.
func (f ReporterFunc) Report(e Event) { f(e) }

// Discard drops every event. Libraries use it when given no reporter.
var Discard Reporter = ReporterFunc(func(Event) {})

// InTurn lets several goroutines report to a reporter that takes one event at a
// time. A nil reporter drops every event.
func Synchronized(reporter Reporter) Reporter {
	if reporter == nil {
		return Discard
	}
	var turn sync.Mutex
	return ReporterFunc(func(e Event) {
		turn.Lock()
		defer turn.Unlock()
		reporter.Report(e)
	})
}

// Tee reports each event to all reporters, in their order.
func Tee(reporters ...Reporter) Reporter {
	return ReporterFunc(func(e Event) {
		for _, r := range reporters {
			r.Report(e)
		}
	})
}

// Progress is an [ItemProgress] event.
func Progress(item, message string) Event {
	return Event{Kind: ItemProgress, Item: item, Message: message}
}

// Finished is an [ItemFinished] event.
func Finished(item string, outcome Outcome, message string, elapsed time.Duration, mutations int) Event {
	return Event{Kind: ItemFinished, Item: item, Outcome: outcome, Message: message, Elapsed: elapsed, Mutations: mutations}
}

// Reached is a [MilestoneReached] event.
func Reached(milestone string) Event {
	return Event{Kind: MilestoneReached, Milestone: milestone}
}

// Warn is a [Warning] event.
func Warn(message string) Event {
	return Event{Kind: Warning, Message: message}
}
