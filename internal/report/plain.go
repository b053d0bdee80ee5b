package report

import (
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// quietFor is how long a log stays silent about work in progress: long enough
// not to bury the results, short enough to show life in a build of minutes.
const quietFor = 10 * time.Second

// plain writes lines to something that is not a terminal. A piece of work in
// progress gets a line when it has been silent for quietFor.
type plain struct {
	*text
	quiet map[string]time.Time // stage/item → when it was last heard of
}

func (p *plain) Report(e event.Event) {
	switch e.Kind {
	case event.RunStarted:
		p.announce(e)
	case event.RecoveryStarted:
		p.announce(e)
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
	key := e.Stage + "/" + e.Item
	last, heard := p.quiet[key]
	if !heard {
		p.quiet[key] = e.Time
		return
	}
	if e.Time.Sub(last) >= quietFor {
		p.quiet[key] = e.Time
		p.println("    … " + doing(e))
	}
}

func (p *plain) Close() error { return p.err }

// doing is a piece of work in progress, in words.
func doing(e event.Event) string {
	switch {
	case e.Item == "":
		return e.Message
	case e.Message == "":
		return e.Item
	}
	return e.Item + ": " + e.Message
}
