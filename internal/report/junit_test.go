package report

import (
	"encoding/xml"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

var update = flag.Bool("update", false, "update the golden files")

func junit(t *testing.T, events []event.Event) (string, junitDocument) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "junit.xml")
	r := NewJUnit(JUnitOptions{
		Path: path, Group: "tkdeploy.ci",
		Class:   func(_ string, err error) fault.Class { return fault.ClassOf(err) },
		Explain: func(err error) string { return err.Error() + "\nhint: " + fault.HintOf(err) },
	})
	for i, e := range events {
		e.Seq, e.Time = i+1, zero.Add(time.Duration(i)*15*time.Second)
		if e.Outcome != "" && e.Outcome != event.Blocked && e.Kind != event.RunFinished {
			e.Start = e.Time.Add(-e.Elapsed)
		}
		r.Report(e)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var doc junitDocument
	if err := xml.Unmarshal(text, &doc); err != nil {
		t.Fatalf("parse report: %v\n%s", err, text)
	}
	return string(text), doc
}

// nightly returns a run with every outcome.
func nightly() []event.Event {
	return []event.Event{
		{Kind: event.RunStarted, Plan: []event.StageInfo{{ID: "engine", Title: "Engine"}, {ID: "build", Title: "Build"}, {ID: "rollout", Title: "Rollout"}, {ID: "verify", Title: "Verify"}, {ID: "last", Title: "Last"}}},
		{Kind: event.StageFinished, Stage: "engine", Outcome: event.Unchanged, Reason: "Docker Engine 28", Elapsed: 10 * time.Millisecond},
		{Kind: event.StageStarted, Stage: "build", Reason: "auth-service (not built yet)"},
		{Kind: event.ItemFinished, Stage: "build", Item: "postgres", Outcome: event.Unchanged},
		{Kind: event.ItemProgress, Stage: "build", Item: "only progress", Message: "[2/2] RUN go build"},
		{Kind: event.Warning, Stage: "build", Message: "the disk is\nnearly full"},
		{Kind: event.ItemFinished, Stage: "build", Item: "auth-service", Outcome: event.Done, Message: "built", Elapsed: 61500 * time.Millisecond, Mutations: 1},
		{Kind: event.StageFinished, Stage: "build", Outcome: event.Done, Reason: "auth-service (not built yet)", Elapsed: 62 * time.Second},
		{Kind: event.StageStarted, Stage: "rollout", Reason: "auth-service: 0 of 1 ready"},
		{Kind: event.ItemFinished, Stage: "rollout", Item: "redis", Outcome: event.Done, Message: "stuck pod redis-0 deleted, the controller recreates it", Mutations: 1},
		{Kind: event.ItemProgress, Stage: "rollout", Item: "kafka", Message: "0 of 1 ready"},
		{Kind: event.ItemFinished, Stage: "rollout", Item: "redis", Outcome: event.Done, Message: "1 of 1 ready", Elapsed: 2 * time.Second},
		{Kind: event.ItemFinished, Stage: "rollout", Item: "auth-service", Outcome: event.Failed, Message: "container web: \x1b[31mcrashes\x1b[0m", Elapsed: 9 * time.Second,
			Err: fault.New(fault.Unhealthy, errors.New("auth-service: crashes\n  log    panic: <nil> & \x00 \xff]]>"), "look at it")},
		{Kind: event.ItemFinished, Stage: "rollout", Item: "video-service", Outcome: event.Failed, Message: "no answer", Elapsed: 9 * time.Second},
		{Kind: event.StageFinished, Stage: "rollout", Outcome: event.Failed, Elapsed: 9 * time.Second, Err: fault.New(fault.Unhealthy, errors.New("auth-service: crashes"), "look at it")},
		{Kind: event.StageFinished, Stage: "verify", Outcome: event.Blocked, Reason: "needs rollout"},
		{Kind: event.StageFinished, Stage: "last", Outcome: event.Canceled},
		{Kind: event.RunFinished, Outcome: event.Failed, Elapsed: 75 * time.Second, Exit: 14},
	}
}

func TestJUnit(t *testing.T) {
	t.Parallel()
	t.Run("reports a locked run as a failure", func(t *testing.T) {
		t.Parallel()
		_, doc := junit(t, []event.Event{
			{Kind: event.RunStarted},
			{Kind: event.RunFinished, Outcome: event.Failed, Err: fault.New(fault.Locked, errors.New("shop is locked by another run"), "wait"), Exit: 6},
		})
		if doc.Failures != 1 || len(doc.Suites) != 1 || doc.Suites[0].Cases[0].Failure.Message != "shop is locked by another run" {
			t.Errorf("got %+v, want one failure", doc)
		}
	})

	t.Run("matches the golden file", func(t *testing.T) {
		t.Parallel()
		got, _ := junit(t, nightly())
		compareGolden(t, "junit.xml", got)
	})

	t.Run("survives a round trip", func(t *testing.T) {
		t.Parallel()
		text, doc := junit(t, nightly())
		again, err := xml.MarshalIndent(doc, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if got := xml.Header + string(again) + "\n"; got != text {
			t.Errorf("got\n%s\nwant\n%s", got, text)
		}
		crash := doc.Suites[2].Cases[3]
		if crash.Name != "auth-service" || crash.Failure == nil {
			t.Fatalf("got %+v", crash)
		}
		want := junitFailure{"container web: crashes", "unhealthy", "auth-service: crashes\n  log    panic: <nil> & � �]]>\nhint: look at it"}
		if *crash.Failure != want {
			t.Errorf("got  %+q\nwant %+q", *crash.Failure, want)
		}
	})

	// The schema is jenkins-junit.xsd, with Ant's stricter rule for timestamps.
	t.Run("follows the schema", func(t *testing.T) {
		t.Parallel()
		text, doc := junit(t, nightly())
		allowed := map[string]string{ // element: ordered children | attributes
			"testsuites": "testsuite|name tests failures errors disabled time",
			"testsuite":  "properties testcase system-out system-err|name tests failures errors time disabled skipped timestamp hostname id package",
			"testcase":   "skipped error failure system-out system-err|name classname time assertions status",
			"failure":    "|message type", "skipped": "|message", "system-out": "|", "system-err": "|",
		}
		type open struct {
			name string
			last int // index of the last child
		}
		var path []open
		decoder := xml.NewDecoder(strings.NewReader(text))
		for {
			token, err := decoder.Token()
			if err != nil {
				break
			}
			switch token := token.(type) {
			case xml.StartElement:
				name := token.Name.Local
				_, attributes, known := strings.Cut(allowed[name], "|")
				if !known {
					t.Errorf("got unknown element %s", name)
				}
				for _, a := range token.Attr {
					if !slices.Contains(strings.Fields(attributes), a.Name.Local) {
						t.Errorf("got unknown attribute %s of %s", a.Name.Local, name)
					}
				}
				if len(path) > 0 {
					parent := &path[len(path)-1]
					children, _, _ := strings.Cut(allowed[parent.name], "|")
					at := slices.Index(strings.Fields(children), name)
					if at < parent.last {
						t.Errorf("got %s at the wrong position in %s", name, parent.name)
					}
					parent.last = at
				}
				path = append(path, open{name: name})
			case xml.EndElement:
				path = path[:len(path)-1]
			}
		}
		var tests, failures int
		for _, s := range doc.Suites {
			seen := map[string]bool{}
			for _, c := range s.Cases {
				if c.Name == "" || c.Class != s.Name || seen[c.Name] {
					t.Errorf("got case %+v, want a unique name and the class of its suite", c)
				}
				seen[c.Name] = true
			}
			if _, err := time.Parse("2006-01-02T15:04:05", s.Timestamp); err != nil || s.Tests != len(s.Cases) {
				t.Errorf("got %s, %d tests: %v", s.Timestamp, s.Tests, err)
			}
			tests, failures = tests+s.Tests, failures+s.Failures
		}
		if doc.Tests != tests || doc.Failures != failures || failures != 3 {
			t.Errorf("got %d tests, %d failures, the suites have %d, %d", doc.Tests, doc.Failures, tests, failures)
		}
	})

	t.Run("shows an unfinished run", func(t *testing.T) {
		t.Parallel()
		_, doc := junit(t, nightly()[:11])
		rollout := doc.Suites[2]
		if rollout.Cases[0].Skipped == nil || rollout.Cases[2].Name != "kafka" || rollout.Cases[2].Skipped.Message != "not finished" || rollout.Skipped != 2 {
			t.Errorf("got %+v", rollout)
		}
	})
}

func TestClean(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"\x1b[1;31mred\x1b[0m":                             "red",
		"\x1b]8;;http://x\x07link\x1b]8;;\x1b\\":           "link",
		"\x1b(Bplain\x1b=":                                 "plain",
		"cut off \x1b[":                                    "cut off �[",
		"bell \a, nul \x00, not UTF-8 \xff":                "bell �, nul �, not UTF-8 �",
		"tab\tand\nline":                                   "tab\tand\nline",
		"beyond the plane 🚀, and what XML forbids: \uffff": "beyond the plane 🚀, and what XML forbids: �",
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			_, doc := junit(t, []event.Event{{Kind: event.StageFinished, Stage: "build", Outcome: event.Blocked, Reason: said}})
			if got := doc.Suites[0].Cases[0].Skipped.Message; got != "blocked: "+want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}
