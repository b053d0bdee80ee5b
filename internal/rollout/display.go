package rollout

import (
	"fmt"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/health"
)

// display reports each change of a workload once.
type display struct {
	report      event.Reporter
	begin       time.Time
	items       map[health.Object]string
	lastMessage map[health.Object]string
	firstReason map[health.Object]string
	finished    map[health.Object]bool
	regressed   map[health.Object]bool
	shown       bool
	warned      map[string]bool // by source name
}

func newDisplay(objects []health.Object, report event.Reporter, now time.Time) *display {
	return &display{
		report: report, begin: now, items: itemNames(objects),
		lastMessage: map[health.Object]string{}, firstReason: map[health.Object]string{}, finished: map[health.Object]bool{}, regressed: map[health.Object]bool{}, warned: map[string]bool{},
	}
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

// progress reports changes. A workload finishes when it is first ready; progress
// warns if it stops being ready.
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
			d.report.Report(event.Warn(fmt.Sprintf("%s is no longer ready: %s", item, w.Message)))
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

func (d *display) warnDenied(entries []*cacheEntry) {
	for _, e := range entries {
		if e.denied && !d.warned[e.source.name] {
			d.warned[e.source.name] = true
			d.report.Report(event.Warn(fmt.Sprintf("no access to %s: explanations will be incomplete", e.source.name)))
		}
	}
}
