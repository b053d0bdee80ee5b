package rollout

import (
	"testing"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/health"
)

func TestDisplay_failed(t *testing.T) {
	t.Parallel()
	t.Run("reports each workload once with its causes", func(t *testing.T) {
		t.Parallel()
		web, db := object(health.Deployment, "shop", "web"), object(health.StatefulSet, "shop", "db")
		failure := &Failure{Elapsed: time.Second, Causes: []health.Cause{
			{Object: web, Message: "crashes", Hint: "look at web"},
			{Object: db, Message: "has no volume", Hint: "look at db"},
			{Object: web, Message: "has no endpoint"},
		}}
		var got []event.Event
		show := newDisplay([]health.Object{web, db}, event.ReporterFunc(func(e event.Event) { got = append(got, e) }), time.Time{})
		show.progress([]health.Workload{{Object: web, Message: "0 of 1 ready"}}, time.Time{})
		got = nil
		show.failed(failure)
		want := []struct{ item, err, hint string }{
			{"web", "web: crashes (and 1 more cause)", "look at web"},
			{"db", "db: has no volume", "look at db"},
		}
		if len(got) != len(want) {
			t.Fatalf("got %v", got)
		}
		if got[0].Reason != "0 of 1 ready" || got[1].Reason != "" {
			t.Errorf("causes %q and %q", got[0].Reason, got[1].Reason)
		}
		for i, w := range want {
			if e := got[i]; e.Item != w.item || e.Err.Error() != w.err || fault.HintOf(e.Err) != w.hint {
				t.Errorf("got %s, %v, %s, want %v", e.Item, e.Err, fault.HintOf(e.Err), w)
			}
		}
	})
}
