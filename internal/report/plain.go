package report

import (
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// progressInterval limits progress lines: they must not bury the results, but show
// that a long build is running.
const progressInterval = 10 * time.Second

// plain writes lines to a log.
type plain struct {
	*lineWriter
	lastSeen   map[string]time.Time // by stage and item
	lastReason map[string]string
}

func (p *plain) Report(e event.Event) {
	switch e.Kind {
	case event.RunStarted:
		p.addTitles(e)
	case event.RecoveryStarted:
		p.addTitles(e)
		p.println(p.line(e))
	case event.StageStarted:
		p.println("• " + p.titles[e.Stage] + ": " + e.Reason)
	case event.ItemProgress:
		p.progress(e)
	default:
		p.println(p.line(e))
	}
}

func (p *plain) progress(e event.Event) {
	if e.Log {
		p.println(p.line(e))
		return
	}
	key := e.Stage + "/" + e.Item
	if e.Reason != "" && e.Reason != p.lastReason[key] { // a problem is shown at once
		p.lastReason[key], p.lastSeen[key] = e.Reason, e.Time
		p.println("    … " + progressText(e))
		return
	}
	last, seen := p.lastSeen[key]
	if !seen {
		p.lastSeen[key] = e.Time
		return
	}
	if e.Time.Sub(last) >= progressInterval {
		p.lastSeen[key] = e.Time
		p.println("    … " + progressText(e))
	}
}

func (p *plain) Close() error { return p.err }

func progressText(e event.Event) string {
	switch {
	case e.Item == "":
		return e.Message
	case e.Message == "":
		return e.Item
	}
	return e.Item + ": " + e.Message
}
