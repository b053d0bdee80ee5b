package rollout

import (
	"fmt"
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/health"
)

// repeatInterval limits messages that only differ in how long something took.
const repeatInterval = 10 * time.Second

// display reports each change of a workload once.
type display struct {
	report event.Reporter
	redact func(string) string
	begin  time.Time
	items  map[health.Object]*item
	shown  bool
	warned map[string]bool // by source name
}

// item is what was reported about a workload.
type item struct {
	name        string
	state       string // without the parts that change by themselves
	message     string
	at          time.Time // of message
	problem     string    // known problem when the state changed
	firstReason string
	finished    bool
	regressed   bool
}

func newDisplay(objects []health.Object, report event.Reporter, redact func(string) string, now time.Time) *display {
	d := &display{report: report, redact: redact, begin: now, items: map[health.Object]*item{}, warned: map[string]bool{}}
	for o, name := range itemNames(objects) {
		d.items[o] = &item{name: name}
	}
	return d
}

// itemNames qualifies names that are not unique.
func itemNames(objects []health.Object) map[health.Object]string {
	count := map[string]int{}
	for _, o := range objects {
		count[o.Name]++
	}
	names := map[health.Object]string{}
	for _, o := range objects {
		names[o] = o.Name
		if count[o.Name] > 1 {
			names[o] = o.String()
		}
	}
	return names
}

// progress reports changes, and a workload's first cause as soon as it is known. A
// workload finishes when it is first ready; progress warns if it stops being
// ready.
func (d *display) progress(workloads []health.Workload, causes []health.Cause, now time.Time) {
	for _, w := range workloads {
		i, ready := d.items[w.Object], w.State == health.Ready
		message, state, problem := d.describe(w, causes)
		if problem == "" || i.state != state {
			i.problem = problem
		}
		changed := i.state != state || i.message != message && now.Sub(i.at) >= repeatInterval
		switch {
		case ready && !i.finished:
			d.finish(i, w, now)
		case !changed || ready:
		case i.finished && !i.regressed:
			i.regressed = true
			d.report.Report(event.Warn(fmt.Sprintf("%s is no longer ready: %s", i.name, message)))
		default:
			if i.firstReason == "" {
				i.firstReason = message
			}
			e := event.Progress(i.name, message)
			e.Current, e.Total, e.Reason = int64(w.Ready), int64(w.Desired), i.problem
			d.report.Report(e)
		}
		if changed {
			i.state, i.message, i.at = state, message, now
		}
	}
	d.shown = true
}

func (d *display) finish(i *item, w health.Workload, now time.Time) {
	outcome := event.Done
	switch {
	case w.Unjudged:
		outcome = event.Blocked
	case !d.shown:
		outcome = event.Unchanged
	}
	e := event.Finished(i.name, outcome, w.Message, now.Sub(d.begin), 0)
	e.Reason = i.firstReason
	d.report.Report(e)
	i.finished = true
}

// describe returns a workload's message, the message without the parts that change
// by themselves, and its known problem.
func (d *display) describe(w health.Workload, causes []health.Cause) (message, state, problem string) {
	c := firstOf(causes, w.Object)
	if c == nil || w.State == health.Ready {
		return w.Message, w.Message, ""
	}
	tally, _, _ := strings.Cut(w.Message, "; ")
	tally += "; "
	if w.Ready >= w.Desired || w.Message == c.Title() { // the controller's counts lag behind
		tally = ""
	}
	message = d.redact(c.Progress())
	if c.Proven() {
		problem = message
	}
	return tally + message, tally + c.Key(), problem
}

// firstOf returns the most urgent cause of a workload, or nil.
func firstOf(causes []health.Cause, o health.Object) *health.Cause {
	for i := range causes {
		if causes[i].Object == o {
			return &causes[i]
		}
	}
	return nil
}

func (d *display) failed(f *Failure) {
	said := map[health.Object]bool{}
	for _, c := range f.Causes {
		if said[c.Object] {
			continue
		}
		said[c.Object] = true
		e := event.Finished(d.items[c.Object].name, event.Failed, c.Title(), f.Elapsed, 0)
		e.Reason = d.items[c.Object].firstReason
		e.Err = f.of(c.Object).fault()
		d.report.Report(e)
	}
}

func (d *display) warnDenied(entries []*cacheEntry) {
	for _, e := range entries {
		if e.denied && !d.warned[e.source.name] {
			d.warned[e.source.name] = true
			d.report.Report(event.Warn(fmt.Sprintf("no access to %s: explanations will be incomplete", e.source.name)))
		}
	}
}
