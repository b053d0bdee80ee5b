// Package event defines the event stream that connects a run to its renderers.
//
// Stages report [Event] values. The output, the run summary and the exit code are
// derived from them.
package event

import "time"

// Kind is the type of an event.
type Kind string

// The kinds, in order.
const (
	RunStarted       Kind = "run.started"       // Plan is set
	StageStarted     Kind = "stage.started"     // Apply begins; Reason is set
	MilestoneReached Kind = "milestone.reached" // Milestone is set
	ItemProgress     Kind = "item.progress"     // Item and Message are set
	ItemFinished     Kind = "item.finished"     // Outcome, Elapsed and Mutations are set
	Warning          Kind = "warning"           // Message is set
	StageFinished    Kind = "stage.finished"    // Outcome, Reason and Elapsed are set; Err after a failure
	RecoveryStarted  Kind = "recovery.started"  // rollback; Reason and Plan are set
	RunFinished      Kind = "run.finished"      // the last event, exactly once
)

// Outcome is the result of a stage, an item or a run.
type Outcome string

// The outcomes.
const (
	Done      Outcome = "done"      // changes were made
	Unchanged Outcome = "unchanged" // already up to date
	Failed    Outcome = "failed"
	Blocked   Outcome = "blocked" // a prerequisite failed
	Canceled  Outcome = "canceled"
)

// Event is one occurrence in a run. Kind determines which fields are set.
type Event struct {
	Seq  int       // 1, 2, 3…; set by the runner
	Time time.Time // set by the runner

	Kind    Kind
	Stage   string // stage ID; empty for events of the run itself
	Item    string // an image, workload or check
	Message string // one line
	Reason  string // why the stage or item is in its state

	Milestone string

	Current, Total int64 // bytes or steps; Total is 0 if unknown

	// Log marks a progress message as a line of a log: renderers show every
	// line.
	Log bool

	Outcome Outcome
	Elapsed time.Duration
	Err     error

	// Start is when the work began, or zero if it never began. The runner
	// derives a missing Start of an item from Elapsed.
	Start time.Time

	// Mutations is the number of changes an item made: images built or
	// loaded, revisions written, objects applied.
	Mutations int

	Plan []StageInfo

	// RunFinished only.
	Exit        int
	RolledBack  bool   // after a failed upgrade
	Diagnostics string // support bundle directory, if any
}

// StageInfo describes a stage of a plan.
type StageInfo struct {
	ID    string
	Title string
	Needs []string
}

// Progress returns an [ItemProgress] event.
func Progress(item, message string) Event {
	return Event{Kind: ItemProgress, Item: item, Message: message}
}

// LogLine returns an [ItemProgress] event with a line of a log.
func LogLine(item, line string) Event {
	return Event{Kind: ItemProgress, Item: item, Message: line, Log: true}
}

// Finished returns an [ItemFinished] event.
func Finished(item string, outcome Outcome, message string, elapsed time.Duration, mutations int) Event {
	return Event{Kind: ItemFinished, Item: item, Outcome: outcome, Message: message, Elapsed: elapsed, Mutations: mutations}
}

// Reached returns a [MilestoneReached] event.
func Reached(milestone string) Event {
	return Event{Kind: MilestoneReached, Milestone: milestone}
}

// Warn returns a [Warning] event.
func Warn(message string) Event {
	return Event{Kind: Warning, Message: message}
}
