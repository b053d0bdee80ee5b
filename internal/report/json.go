package report

import (
	"encoding/json"
	"io"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// JSON writes one event per line. docs/events.md documents the fields.
type JSON struct {
	encoder *json.Encoder
	summary Summary
	err     error
}

// NewJSON returns a renderer that writes to w.
func NewJSON(w io.Writer) *JSON {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return &JSON{encoder: encoder}
}

// line is the JSON form of an event, independent of event.Event.
type line struct {
	Seq     int           `json:"seq"`
	Time    time.Time     `json:"time"`
	Kind    event.Kind    `json:"kind"`
	Stage   string        `json:"stage,omitempty"`
	Item    string        `json:"item,omitempty"`
	Message string        `json:"message,omitempty"`
	Reason  string        `json:"reason,omitempty"`
	Reached string        `json:"milestone,omitempty"`
	Current int64         `json:"current,omitempty"`
	Total   int64         `json:"total,omitempty"`
	Outcome event.Outcome `json:"outcome,omitempty"`
	Start   time.Time     `json:"start,omitzero"`
	Elapsed *int64        `json:"elapsed_ms,omitempty"`
	Error   string        `json:"error,omitempty"`
	Hint    string        `json:"hint,omitempty"`
	Plan    []stageLine   `json:"plan,omitempty"`
	Changes *int          `json:"changes,omitempty"` // of an item or the run
	*totals               // nil for all kinds but run.finished
}

type stageLine struct {
	ID    string   `json:"id"`
	Title string   `json:"title"`
	Needs []string `json:"needs,omitempty"`
}

type totals struct {
	Stages      []StageResult `json:"stages"`
	Exit        int           `json:"exit"`
	RolledBack  bool          `json:"rolled_back"`
	Diagnostics string        `json:"diagnostics,omitempty"`
}

// Report writes e.
func (j *JSON) Report(e event.Event) {
	j.summary.Report(e)
	l := line{
		Seq: e.Seq, Time: e.Time, Kind: e.Kind, Stage: e.Stage, Item: e.Item, Message: e.Message, Reason: e.Reason, Reached: e.Milestone,
		Current: e.Current, Total: e.Total, Outcome: e.Outcome, Start: e.Start,
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
	if e.Mutations > 0 {
		l.Changes = &e.Mutations
	}
	if e.Kind == event.RunFinished {
		l.Changes = &j.summary.Changes
		l.totals = &totals{j.summary.Stages, e.Exit, e.RolledBack, e.Diagnostics}
	}
	if err := j.encoder.Encode(l); err != nil && j.err == nil {
		j.err = err
	}
}

func (j *JSON) writeError() error { return j.err }

// Close returns the first write error.
func (j *JSON) Close() error { return j.err }
