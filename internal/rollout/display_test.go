package rollout

import (
	"fmt"
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
			{Object: web, Message: "crashes", Hint: "check web"},
			{Object: db, Message: "has no volume", Hint: "check db"},
			{Object: web, Message: "has no endpoint"},
		}}
		var got []event.Event
		show := newDisplay([]health.Object{web, db}, event.ReporterFunc(func(e event.Event) { got = append(got, e) }), func(s string) string { return s }, time.Time{})
		show.progress([]health.Workload{{Object: web, Message: "0 of 1 ready"}}, nil, time.Time{})
		got = nil
		show.failed(failure)
		want := []struct{ item, err, hint string }{
			{"web", "web: crashes (and 1 more cause)", "check web"},
			{"db", "db: has no volume", "check db"},
		}
		if len(got) != len(want) {
			t.Fatalf("got %d events %v, want %d", len(got), got, len(want))
		}
		if got[0].Reason != "0 of 1 ready" || got[1].Reason != "" {
			t.Errorf("got reasons %q and %q, want the first progress message and none", got[0].Reason, got[1].Reason)
		}
		for i, w := range want {
			if e := got[i]; e.Item != w.item || e.Err.Error() != w.err || fault.HintOf(e.Err) != w.hint {
				t.Errorf("got %s, %v, %s, want %v", e.Item, e.Err, fault.HintOf(e.Err), w)
			}
		}
	})
}

func TestDisplay_progress(t *testing.T) {
	t.Parallel()
	t.Run("repeats a problem whose text changes at most every ten seconds", func(t *testing.T) {
		t.Parallel()
		var got []event.Event
		show := newDisplay([]health.Object{web}, event.ReporterFunc(func(e event.Event) { got = append(got, e) }), func(s string) string { return s }, time.Time{})
		begin := time.Now()
		for second := range 15 {
			w := health.Workload{Object: web, State: health.Progressing, Desired: 1, Message: "0 of 1 ready; web-a: running, not ready yet"}
			cause := health.Cause{Reason: health.NotReady, Object: web, Message: fmt.Sprintf("exec %d failed", second)}
			show.progress([]health.Workload{w}, []health.Cause{cause}, begin.Add(time.Duration(second)*time.Second))
		}
		if len(got) != 2 || got[1].Message != "0 of 1 ready; exec 10 failed; waiting: may heal" || got[1].Reason != got[0].Reason {
			t.Errorf("got events %v, want two with one reason", got)
		}
	})
}

func TestItemNames(t *testing.T) {
	t.Parallel()
	names := itemNames([]health.Object{web, object(health.StatefulSet, "shop", "web"), object(health.StatefulSet, "shop", "db")})
	if names[web] != "Deployment shop/web" || names[object(health.StatefulSet, "shop", "db")] != "db" {
		t.Errorf("got names %v, want web qualified and db as it is", names)
	}
}
