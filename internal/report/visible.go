package report

import (
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// visible returns e without control characters, for reporters that write control
// characters of their own to a terminal.
func visible(e event.Event) event.Event {
	e.Item, e.Message, e.Reason = text.Visible(e.Item), text.Visible(e.Message), text.Visible(e.Reason)
	e.Err = fault.Redact(e.Err, text.Visible)
	return e
}
