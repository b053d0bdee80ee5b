package rollout

import (
	"fmt"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/health"
)

// A display tells a reporter about workloads, each change once.
type display struct {
	report event.Reporter
	begin  time.Time
	items  map[health.Object]string
	said   map[health.Object]string // the last message
	cause  map[health.Object]string // the first one that said why it is not ready
	ready  map[health.Object]bool   // has been reported finished
	fallen map[health.Object]bool   // and that it is not ready any more
	looked bool
	warned map[string]bool // sources that may not be read
}

func newDisplay(objects []health.Object, report event.Reporter, now time.Time) *display {
	return &display{
		report: report, begin: now, items: itemNames(objects),
		said: map[health.Object]string{}, cause: map[health.Object]string{}, ready: map[health.Object]bool{}, fallen: map[health.Object]bool{}, warned: map[string]bool{},
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
		case ready && !d.ready[w.Object]:
			outcome := event.Done
			if !d.looked {
				outcome = event.Unchanged
			}
			e := event.Finished(item, outcome, w.Message, now.Sub(d.begin), 0)
			e.Reason = d.cause[w.Object]
			d.report.Report(e)
			d.ready[w.Object] = true
		case d.said[w.Object] == w.Message || ready:
		case d.ready[w.Object] && !d.fallen[w.Object]:
			d.fallen[w.Object] = true
			d.report.Report(event.Warn(fmt.Sprintf("%s was ready and is not any more: %s", item, w.Message)))
		default:
			if d.cause[w.Object] == "" {
				d.cause[w.Object] = w.Message
			}
			e := event.Progress(item, w.Message)
			e.Current, e.Total = int64(w.Ready), int64(w.Desired)
			d.report.Report(e)
		}
		d.said[w.Object] = w.Message
	}
	d.looked = true
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
		e.Reason = d.cause[c.Object]
		e.Err = f.of(c.Object).fault()
		d.report.Report(e)
	}
}

// dropped warns once of each source that may not be read.
func (d *display) dropped(sources []*kept) {
	for _, k := range sources {
		if k.dropped && !d.warned[k.what] {
			d.warned[k.what] = true
			d.report.Report(event.Warn(fmt.Sprintf("no access to %s: explanations will lack what they say", k.what)))
		}
	}
}
