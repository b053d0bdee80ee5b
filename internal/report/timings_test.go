package report

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/event"
)

func table(t *testing.T, events []event.Event, width int) string {
	t.Helper()
	var out bytes.Buffer
	told(t, NewTimings(&out, false, width), events)
	return out.String()
}

func TestTimings(t *testing.T) {
	t.Parallel()
	for name, events := range map[string][]event.Event{
		"timings-cold.txt":     cold(),
		"timings-failed.txt":   crashing("container web: \x1b[31mcrashes\x1b[0m\n  panic: nil"),
		"timings-canceled.txt": stopped(),
		"timings-broken.txt":   upToRelease().events, // the run broke off
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			isGolden(t, name, table(t, events, 0))
		})
	}
}

func TestTheExampleInTheDocumentsIsARealOne(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("testdata/timings-failed.txt")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "```\n"+string(example)+"```\n") {
		t.Error("docs/events.md lacks what is in testdata/timings-failed.txt")
	}
}

func TestTheTableIsAsWideAsTheTerminal(t *testing.T) {
	t.Parallel()
	for _, width := range []int{60, 80, 100, 200} {
		widest := 0
		events := crashing("crashes")
		for i := range events {
			events[i].Reason += strings.Repeat(" and so on", 50)
		}
		for line := range strings.Lines(table(t, events, width)) {
			widest = max(widest, length(strings.TrimSuffix(line, "\n")))
		}
		if widest > width || widest < width-15 {
			t.Errorf("of %d characters the widest line has %d", width, widest)
		}
	}
	if got := table(t, cold(), 60); strings.Contains(got, "why") {
		t.Errorf("there is no room to say why:\n%s", got)
	}
}

func TestAFewOfManyItemsAreShown(t *testing.T) {
	t.Parallel()
	s := &script{}
	s.plan(0, event.RunStarted, "", event.StageInfo{ID: "verify", Title: "Smoke test"})
	s.stage = "verify"
	for i := range 9 {
		s.item(0, float64(i+1), strings.Repeat("x", i+1), event.Done, "", "")
	}
	s.end(0, 10, "verify", event.Done, "", nil)
	s.over(10, event.Done, 0)
	got := table(t, s.events, 100)
	if !strings.Contains(got, "xxxxxxxxx ") || !strings.Contains(got, " xxxxx ") || strings.Contains(got, " xxxx ") || !strings.Contains(got, "and 4 more, each at most 4.0s") {
		t.Errorf("got\n%s", got)
	}
}

func TestARunThatWasLockedOutHasNoTimings(t *testing.T) {
	t.Parallel()
	s := &script{}
	s.plan(0, event.RunStarted, "")
	s.add(1, event.Event{Kind: event.RunFinished, Outcome: event.Failed, Err: errors.New("another run is at work")})
	if got := table(t, s.events, 0); got != "timings: no stage began\n" {
		t.Errorf("got %q", got)
	}
}

func TestTimingsComeLastAndOnlyIfWanted(t *testing.T) {
	t.Parallel()
	var with, without, out bytes.Buffer
	told(t, New(Options{Out: &out, Err: &without}), cold())
	told(t, New(Options{Out: &out, Err: &with, Timings: true}), cold())
	if want := without.String() + table(t, cold(), 0); with.String() != want {
		t.Errorf("got\n%s\nwant\n%s", with.String(), want)
	}
	if strings.Contains(without.String(), "critical path") || out.Len() > 0 {
		t.Errorf("not asked for:\n%s%s", without.String(), out.String())
	}
}

func TestAFailedWriteOfTheTimingsIsTold(t *testing.T) {
	t.Parallel()
	r := NewTimings(brokenPipe{}, false, 0)
	for _, e := range cold() {
		r.Report(e)
	}
	if err := r.Close(); err == nil {
		t.Error("no error")
	}
}

func TestTheCriticalPath(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		events []event.Event
		want   string
	}{
		"goes through what ended last":     {cold(), "Engine Cluster Load Release Rollout Smoke test"},
		"goes on through a recovery":       {crashing(""), "Engine Cluster Load Release Rollout Target Rollback"},
		"ends where the run was stopped":   {stopped(), "Engine Cluster"},
		"ends where the run broke off":     {upToRelease().events, "Engine Cluster Load Release Rollout"},
		"of a run without stages is empty": {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r record
			for _, e := range test.events {
				r.Report(e)
			}
			var names []string
			for _, s := range r.critical() {
				names = append(names, s.name)
			}
			if got := strings.Join(names, " "); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// ahead is a run in which images are loaded while the cluster is made, whose
// nodes are up after 4 s: when the images were built and loaded, and when the
// cluster was ready.
func ahead(built, loaded, ready float64) []event.Event {
	s := &script{}
	s.plan(0, event.RunStarted, "",
		event.StageInfo{ID: "build", Title: "Images"}, event.StageInfo{ID: "cluster", Title: "Cluster"},
		event.StageInfo{ID: "load", Title: "Load", Needs: []string{"build", "cluster"}},
		event.StageInfo{ID: "rollout", Title: "Rollout", Needs: []string{"load", "cluster"}})
	s.begin(0, "cluster", "")
	s.add(4, event.Reached("nodes"))
	s.end(0, built, "build", event.Done, "", nil)
	s.end(max(built, 4), loaded, "load", event.Done, "", nil)
	s.end(0, ready, "cluster", event.Done, "", nil)
	s.end(12, 15, "rollout", event.Done, "", nil)
	s.over(15, event.Done, 0)
	return s.events
}

func TestTheCriticalPathLeadsThroughMilestones(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		events []event.Event
		want   string
	}{
		"the cluster was last":                        {ahead(6, 9, 12), "Cluster 12.0s (80%) → Rollout 3.0s (20%)"},
		"the load was last, and waited for images":    {ahead(6, 12, 8), "Images 6.0s (40%) → Load 6.0s (40%) → Rollout 3.0s (20%)"},
		"the load was last, and waited for the nodes": {ahead(2, 12, 12), "Cluster 4.0s (27%) → Load 8.0s (53%) → Rollout 3.0s (20%)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := table(t, test.events, 0); !strings.Contains(got, "critical path: "+test.want+"\n") {
				t.Errorf("want %s in\n%s", test.want, got)
			}
		})
	}
}
