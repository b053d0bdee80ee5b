package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/bench/internal/engine"
	"tkdeploy.dev/tkdeploy/bench/internal/inspect"
	"tkdeploy.dev/tkdeploy/bench/internal/report"
)

func TestCheckCounts(t *testing.T) {
	t.Parallel()
	rolled := inspect.Change{Revisions: 1, Rolled: 1, NewBytes: 1000}
	for _, test := range []struct {
		name string
		run  report.Run
		want string
	}{
		{"no change", report.Run{Scenario: report.Unchanged}, ""},
		{"change", report.Run{Scenario: report.Unchanged, Changes: 1}, "1 changes, want 0"},
		{"revision without tests", report.Run{Scenario: report.Unverified, Change: inspect.Change{Revisions: 1}}, "1 Helm revisions, want 0"},
		{"restart", report.Run{Scenario: report.Unchanged, Change: inspect.Change{Restarted: 2}}, "2 containers restarted, want 0"},
		{"build request", report.Run{Scenario: report.Unchanged, Counts: engine.Counts{Builds: 1}}, "1 requests to build, want 0"},
		{"save request", report.Run{Scenario: report.Value, Change: rolled, Counts: engine.Counts{Saves: 1}}, "1 requests to save images, want 0"},
		{"one change", report.Run{Scenario: report.Source, Change: rolled, Counts: engine.Counts{Builds: 1, Saves: 1, SentBytes: 1050}}, ""},
		{"too many bytes sent", report.Run{Scenario: report.Source, Change: rolled, Counts: engine.Counts{SentBytes: 1051}}, "sent 1051 bytes"},
		{"uncounted bytes", report.Run{Scenario: report.Cold, Change: rolled, Counts: engine.Counts{SentBytes: 10}}, "counted only 10"},
		{"two workloads rolled", report.Run{Scenario: report.Value, Change: inspect.Change{Revisions: 1, Rolled: 2}}, "2 workloads rolled, want 1"},
		{"build during load", report.Run{Scenario: report.Load, Counts: engine.Counts{Builds: 1}}, "1 requests to build"},
		{"two revisions for a repair", report.Run{Scenario: report.Drift, Change: inspect.Change{Revisions: 2, Rolled: 1}}, "2 Helm revisions"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run.Arm, test.run.Counted = report.Tkdeploy, true
			got := strings.Join(checkCounts(test.run), "; ")
			if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	byHand := report.Run{Scenario: report.Unchanged, Arm: report.Hand, Change: inspect.Change{Revisions: 1}}
	if got := checkCounts(byHand); got != nil {
		t.Errorf("arm hand with a new revision: got %v, want no problem", got)
	}
	uncounted := report.Run{Scenario: report.Source, Arm: report.Tkdeploy, Change: rolled}
	if got := checkCounts(uncounted); got != nil {
		t.Errorf("uncounted run: got %v, want no problem", got)
	}
}

func TestOptions_complete(t *testing.T) {
	t.Parallel()
	if all := (options{blocks: -1, repeats: 2}); !all.complete() {
		t.Error("got incomplete without filters, want complete")
	}
	for _, part := range []options{{blocks: -1, quick: true}, {blocks: -1, apps: "svc5"}, {blocks: -1, arms: "hand"}, {blocks: -1, scenarios: "cold"}, {blocks: 1}} {
		if part.complete() {
			t.Errorf("%+v: got complete, want incomplete", part)
		}
	}
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadSteps(t *testing.T) {
	t.Parallel()
	steps, err := readSteps(writeFile(t, "a warning\nstep build 1.5\nstep load 0.25\n"))
	if err != nil || len(steps) != 2 || steps["load"] != 0.25 {
		t.Errorf("got steps %v, error %v, want 2 steps with load 0.25", steps, err)
	}
}

func TestReadEvents(t *testing.T) {
	t.Parallel()
	stages, changes, err := readEvents(writeFile(t, `{"kind":"stage.finished","stage":"build","elapsed_ms":1500}
{"kind":"run.finished","elapsed_ms":9000,"changes":3}
`))
	if err != nil || stages["build"] != 1.5 || changes != 3 {
		t.Errorf("got stages %v, %d changes, error %v, want build 1.5 and 3 changes", stages, changes, err)
	}
	if _, _, err := readEvents(writeFile(t, "not JSON\n")); err == nil {
		t.Error("invalid stream: got no error")
	}
}

func TestFindDocker(t *testing.T) {
	t.Parallel()
	fake := func(version, buildx string) string {
		dir := t.TempDir()
		script := "#!/bin/sh\n[ \"$1\" != buildx ] || exit " + buildx + "\necho 'Docker version " + version + ", build abc'\n"
		if err := os.WriteFile(filepath.Join(dir, "docker"), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	bare, old, with := fake("28.2.2", "1"), fake("20.10.24+dfsg1", "1"), fake("29.0.0", "0")
	for _, test := range []struct{ path, want string }{
		{bare + ":" + old, old}, {bare + ":" + with + ":" + old, with}, {t.TempDir() + ":" + bare, ""},
	} {
		got, err := findDocker(t.Context(), test.path)
		if want := test.want; want != "" && got != filepath.Join(want, "docker") || (err != nil) != (want == "") {
			t.Errorf("path %s: got %s, error %v, want docker in %q", test.path, got, err, test.want)
		}
	}
}

func TestPublish(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.Mkdir("docs", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"performance.md", "performance-counters.md"} {
		if err := os.WriteFile(filepath.Join("docs", name), []byte(report.BeginMarker+"\n"+report.EndMarker+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	results := &report.Results{Runs: []report.Run{{App: "svc5", Scenario: report.Cold, Arm: report.Hand, Seconds: 20}}}
	if err := publish(results); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("docs/performance.md")
	if err != nil || !strings.Contains(string(text), "| svc5 | cold | 20.0 |") {
		t.Errorf("got error %v, document %s, want the row of svc5", err, text)
	}
	text, err = os.ReadFile("docs/performance-counters.md")
	if err != nil || !strings.Contains(string(text), "| svc5 | cold | hand |") {
		t.Errorf("got error %v, document %s, want the counters of svc5", err, text)
	}
	if _, err := os.Stat("docs/performance.svg"); err != nil {
		t.Error(err)
	}
}
