package report

import (
	"encoding/json"
	"io"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// JSON writes one event a line. docs/events.md documents the fields; they are
// only ever added to.
type JSON struct {
	encoder *json.Encoder
	summary Summary
	err     error
}

// NewJSON writes to w.
func NewJSON(w io.Writer) *JSON {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return &JSON{encoder: encoder}
}

// line is an event as it is written. It is apart from event.Event so that the
// one can change without the other.
type line struct {
	Seq     int           `json:"seq"`
	Time    time.Time     `json:"time"`
	Kind    event.Kind    `json:"kind"`
	Stage   string        `json:"stage,omitempty"`
	Item    string        `json:"item,omitempty"`
	Message string        `json:"message,omitempty"`
	Cause   string        `json:"cause,omitempty"`
	Reached string        `json:"milestone,omitempty"`
	Current int64         `json:"current,omitempty"`
	Total   int64         `json:"total,omitempty"`
	Outcome event.Outcome `json:"outcome,omitempty"`
	Start   time.Time     `json:"start,omitzero"`
	Elapsed *int64        `json:"elapsed_ms,omitempty"`
	Changed int           `json:"changed,omitempty"` // mutations of an item
	Error   string        `json:"error,omitempty"`
	Hint    string        `json:"hint,omitempty"`
	Plan    []stageLine   `json:"plan,omitempty"`
	*totals
}

type stageLine struct {
	ID    string   `json:"id"`
	Title string   `json:"title"`
	Needs []string `json:"needs,omitempty"`
}

// totals are the fields of run.finished alone.
type totals struct {
	Stages      []StageResult `json:"stages"`
	Mutations   int           `json:"mutations"`
	Exit        int           `json:"exit"`
	RolledBack  bool          `json:"rolled_back"`
	Diagnostics string        `json:"diagnostics,omitempty"`
}

// Report writes e.
func (j *JSON) Report(e event.Event) {
	j.summary.Report(e)
	l := line{
		Seq: e.Seq, Time: e.Time, Kind: e.Kind, Stage: e.Stage, Item: e.Item, Message: e.Message, Cause: e.Reason, Reached: e.Milestone,
		Current: e.Current, Total: e.Total, Outcome: e.Outcome, Start: e.Start, Changed: e.Mutations,
	}
	if e.Outcome != "" {
		ms := e.Elapsed.Milliseconds()
		l.Elapsed = &ms
	}
	if e.Err != nil {
		l.Error, l.Hint = e.Err.Error(), fault.HintOf(e.Err)
	}
	for _, s := range e.Plan {
		l.Plan = append(l.Plan, stageLine(s))
	}
	if e.Kind == event.RunFinished {
		l.totals = &totals{j.summary.Stages, j.summary.Mutations, e.Exit, e.RolledBack, e.Diagnostics}
	}
	if err := j.encoder.Encode(l); err != nil && j.err == nil {
		j.err = err
	}
}

// Close gives the first failed write.
func (j *JSON) Close() error { return j.err }
