package report

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/event"
)

func renderTable(t *testing.T, events []event.Event, width int) string {
	t.Helper()
	var out bytes.Buffer
	render(t, NewTimings(&out, false, width), events)
	return out.String()
}

func TestTimings_Close_golden(t *testing.T) {
	t.Parallel()
	for name, events := range map[string][]event.Event{
		"timings-cold.txt":     cold(),
		"timings-failed.txt":   crashing("container web: \x1b[31mcrashes\x1b[0m\n  panic: nil"),
		"timings-canceled.txt": stopped(),
		"timings-broken.txt":   upToRelease().events, // unfinished run
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compareGolden(t, name, renderTable(t, events, 0))
		})
	}
}

func TestTimings_Close(t *testing.T) {
	t.Parallel()
	t.Run("prints the example in the documentation", func(t *testing.T) {
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
			t.Error("docs/events.md does not contain testdata/timings-failed.txt")
		}
	})

	t.Run("fits the width of the terminal", func(t *testing.T) {
		t.Parallel()
		for _, width := range []int{60, 80, 100, 200} {
			widest := 0
			events := crashing("crashes")
			for i := range events {
				events[i].Reason += strings.Repeat(" and so on", 50)
			}
			for line := range strings.Lines(renderTable(t, events, width)) {
				widest = max(widest, cells(strings.TrimSuffix(line, "\n")))
			}
			if widest > width || widest < width-15 {
				t.Errorf("width %d: got a widest line of %d characters", width, widest)
			}
		}
		if got := renderTable(t, cold(), 60); strings.Contains(got, "reason") {
			t.Errorf("got a reason column in a narrow table:\n%s", got)
		}
	})

	t.Run("shows the slowest items only", func(t *testing.T) {
		t.Parallel()
		s := &script{}
		s.plan(0, event.RunStarted, "", event.StageInfo{ID: "verify", Title: "Verify"})
		s.stage = "verify"
		for i := range 9 {
			s.item(0, float64(i+1), strings.Repeat("x", i+1), event.Done, "", "")
		}
		s.end(0, 10, "verify", event.Done, "", nil)
		s.over(10, event.Done, 0)
		got := renderTable(t, s.events, 100)
		if !strings.Contains(got, "xxxxxxxxx ") || !strings.Contains(got, " xxxxx ") || strings.Contains(got, " xxxx ") || !strings.Contains(got, "and 4 more, at most 4.0s each") {
			t.Errorf("got\n%s\nwant the five slowest items", got)
		}
	})

	t.Run("prints no table without stages", func(t *testing.T) {
		t.Parallel()
		s := &script{}
		s.plan(0, event.RunStarted, "")
		s.add(1, event.Event{Kind: event.RunFinished, Outcome: event.Failed, Err: errors.New("shop is locked by another run")})
		if got := renderTable(t, s.events, 0); got != "timings: no stage started\n" {
			t.Errorf("got %q, want no table", got)
		}
	})

	t.Run("prints the table last and only if enabled", func(t *testing.T) {
		t.Parallel()
		var with, without, out bytes.Buffer
		render(t, New(Options{Out: &out, Err: &without}), cold())
		render(t, New(Options{Out: &out, Err: &with, Timings: true}), cold())
		if want := without.String() + renderTable(t, cold(), 0); with.String() != want {
			t.Errorf("got\n%s\nwant\n%s", with.String(), want)
		}
		if strings.Contains(without.String(), "critical path") || out.Len() > 0 {
			t.Errorf("got timings without the option:\n%s%s", without.String(), out.String())
		}
	})

	t.Run("returns the error of a write", func(t *testing.T) {
		t.Parallel()
		r := NewTimings(brokenPipe{}, false, 0)
		for _, e := range cold() {
			r.Report(e)
		}
		if err := r.Close(); err == nil {
			t.Error("got no error")
		}
	})
}

func TestRunTrace_criticalPath(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		events []event.Event
		want   string
	}{
		"follows the stages that ended last": {cold(), "Engine Cluster Load Release Rollout Verify"},
		"continues through a rollback":       {crashing(""), "Engine Cluster Load Release Rollout Target Rollback"},
		"ends at the interruption":           {stopped(), "Engine Cluster"},
		"ends with an unfinished run":        {upToRelease().events, "Engine Cluster Load Release Rollout"},
		"is empty without stages":            {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r runTrace
			for _, e := range test.events {
				r.Report(e)
			}
			var names []string
			for _, s := range r.criticalPath() {
				names = append(names, s.name)
			}
			if got := strings.Join(names, " "); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// ahead returns a run that loads images while it creates the cluster, with the
// nodes up after 4 s and the given ends of build, load and cluster.
func ahead(built, loaded, ready float64) []event.Event {
	s := &script{}
	s.plan(0, event.RunStarted, "",
		event.StageInfo{ID: "build", Title: "Build"}, event.StageInfo{ID: "cluster", Title: "Cluster"},
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

func TestRunTrace_formatPath(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		events []event.Event
		want   string
	}{
		"cluster last":               {ahead(6, 9, 12), "Cluster 12.0s (80%) → Rollout 3.0s (20%)"},
		"load last, after the build": {ahead(6, 12, 8), "Build 6.0s (40%) → Load 6.0s (40%) → Rollout 3.0s (20%)"},
		"load last, after the nodes": {ahead(2, 12, 12), "Cluster 4.0s (27%) → Load 8.0s (53%) → Rollout 3.0s (20%)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := renderTable(t, test.events, 0); !strings.Contains(got, "critical path: "+test.want+"\n") {
				t.Errorf("got\n%s\nwant critical path %s", got, test.want)
			}
		})
	}
}
