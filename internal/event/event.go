// Package event defines the event stream that connects a run to its renderers.
//
// Stages report [Event] values. The renderers in package report, the run
// summary and the exit code are all derived from that stream. The package
// depends only on the standard library.
package event

import "time"

// Kind is the type of an event.
type Kind string

// The kinds, in the order in which they occur in a run.
const (
	RunStarted       Kind = "run.started"       // Plan lists the stages
	StageStarted     Kind = "stage.started"     // the stage applies changes; Reason says why
	MilestoneReached Kind = "milestone.reached" // the stage has reached Milestone and continues
	ItemProgress     Kind = "item.progress"     // work on Item continues; Message describes it
	ItemFinished     Kind = "item.finished"     // Outcome, Elapsed and Mutations are set
	Warning          Kind = "warning"           // Message does not affect the outcome
	StageFinished    Kind = "stage.finished"    // Outcome, Reason and Elapsed are set, and Err after a failure
	RecoveryStarted  Kind = "recovery.started"  // a rollback begins; Reason says why, Plan lists its stages
	RunFinished      Kind = "run.finished"      // the last event, exactly once
)

// Outcome is the result of a stage, an item or a run.
type Outcome string

// The outcomes.
const (
	Done      Outcome = "done"      // changes were made
	Unchanged Outcome = "unchanged" // already in the desired state
	Failed    Outcome = "failed"
	Blocked   Outcome = "blocked" // not started, because a prerequisite failed
	Canceled  Outcome = "canceled"
)

// Event is one occurrence in a run. Kind determines which fields are set.
type Event struct {
	Seq  int       // 1, 2, 3…; set by the runner
	Time time.Time // set by the runner

	Kind    Kind
	Stage   string // stage ID; empty for events of the run itself
	Item    string // an image, workload or check of the stage
	Message string // one line for people
	Reason  string // why a stage or an item is in its state

	Milestone string // MilestoneReached only

	Current, Total int64 // progress of Item in bytes or steps; Total is 0 if unknown

	Outcome Outcome
	Elapsed time.Duration
	Err     error

	// Start is when the finished work began; Time is its end. Start is zero if
	// the work never began. The runner derives a missing Start of an item from
	// Elapsed.
	Start time.Time

	// Mutations is the number of changes an item made: images built, pulled or
	// loaded into a node, clusters created or started, revisions written, objects
	// applied. Only ItemFinished sets it.
	Mutations int

	Plan []StageInfo // RunStarted and RecoveryStarted only

	// RunFinished only.
	Exit        int    // exit code of the process
	RolledBack  bool   // a failed upgrade was rolled back
	Diagnostics string // directory of the support bundle, if one was written
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
