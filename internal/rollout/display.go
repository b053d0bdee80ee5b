package rollout

import (
	"fmt"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/health"
)

// A display tells a reporter about workloads, each change once.
type display struct {
	report      event.Reporter
	begin       time.Time
	items       map[health.Object]string
	lastMessage map[health.Object]string // the last message
	firstReason map[health.Object]string // the first one that said why it is not ready
	finished    map[health.Object]bool   // has been reported finished
	regressed   map[health.Object]bool   // and that it is not ready any more
	shown       bool
	warned      map[string]bool // sources that may not be read
}

func newDisplay(objects []health.Object, report event.Reporter, now time.Time) *display {
	return &display{
		report: report, begin: now, items: itemNames(objects),
		lastMessage: map[health.Object]string{}, firstReason: map[health.Object]string{}, finished: map[health.Object]bool{}, regressed: map[health.Object]bool{}, warned: map[string]bool{},
	}
}

// itemNames are the workloads' names, made longer where two would be the same.
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

// progress reports what is new. A workload is finished once, when it is first
// ready; should it fall back, that is a warning.
func (d *display) progress(workloads []health.Workload, now time.Time) {
	for _, w := range workloads {
		item, ready := d.items[w.Object], w.State == health.Ready
		switch {
		case ready && !d.finished[w.Object]:
			outcome := event.Done
			if !d.shown {
				outcome = event.Unchanged
			}
			e := event.Finished(item, outcome, w.Message, now.Sub(d.begin), 0)
			e.Reason = d.firstReason[w.Object]
			d.report.Report(e)
			d.finished[w.Object] = true
		case d.lastMessage[w.Object] == w.Message || ready:
		case d.finished[w.Object] && !d.regressed[w.Object]:
			d.regressed[w.Object] = true
			d.report.Report(event.Warn(fmt.Sprintf("%s was ready and is not any more: %s", item, w.Message)))
		default:
			if d.firstReason[w.Object] == "" {
				d.firstReason[w.Object] = w.Message
			}
			e := event.Progress(item, w.Message)
			e.Current, e.Total = int64(w.Ready), int64(w.Desired)
			d.report.Report(e)
		}
		d.lastMessage[w.Object] = w.Message
	}
	d.shown = true
}

// failed reports each workload that the failure explains as failed, with the
// part of the failure that is about it.
func (d *display) failed(f *Failure) {
	said := map[health.Object]bool{}
	for _, c := range f.Causes {
		if said[c.Object] {
			continue
		}
		said[c.Object] = true
		e := event.Finished(d.items[c.Object], event.Failed, c.Title(), f.Elapsed, 0)
		e.Reason = d.firstReason[c.Object]
		e.Err = f.of(c.Object).fault()
		d.report.Report(e)
	}
}

// warnDenied warns once of each source that may not be read.
func (d *display) warnDenied(entries []*cacheEntry) {
	for _, e := range entries {
		if e.denied && !d.warned[e.source.name] {
			d.warned[e.source.name] = true
			d.report.Report(event.Warn(fmt.Sprintf("no access to %s: explanations will lack what they say", e.source.name)))
		}
	}
}
