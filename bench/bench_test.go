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

func TestExact(t *testing.T) {
	t.Parallel()
	rolled := inspect.Change{Revisions: 1, Rolled: 1, NewBytes: 1000}
	for _, test := range []struct {
		name string
		run  report.Run
		says string
	}{
		{"nothing", report.Run{Scenario: report.Unchanged}, ""},
		{"a mutation", report.Run{Scenario: report.Unchanged, Mutations: 1}, "1 mutations, must be 0"},
		{"a revision without the test", report.Run{Scenario: report.Unverified, Change: inspect.Change{Revisions: 1}}, "1 Helm revisions, must be 0"},
		{"a restart", report.Run{Scenario: report.Unchanged, Change: inspect.Change{Restarted: 2}}, "2 containers restarted, must be 0"},
		{"a build request", report.Run{Scenario: report.Unchanged, Counts: engine.Counts{Builds: 1}}, "1 requests to build, must be 0"},
		{"a save", report.Run{Scenario: report.Value, Change: rolled, Counts: engine.Counts{Saves: 1}}, "1 requests to save images, must be 0"},
		{"one change", report.Run{Scenario: report.Source, Change: rolled, Counts: engine.Counts{Builds: 1, Saves: 1, SentBytes: 1050}}, ""},
		{"too much is sent", report.Run{Scenario: report.Source, Change: rolled, Counts: engine.Counts{SentBytes: 1051}}, "1051 bytes were sent"},
		{"bytes went another way", report.Run{Scenario: report.Cold, Change: rolled, Counts: engine.Counts{SentBytes: 10}}, "only 10 were counted"},
		{"two workloads rolled", report.Run{Scenario: report.Value, Change: inspect.Change{Revisions: 1, Rolled: 2}}, "2 workloads rolled, must be 1"},
		{"a load that builds", report.Run{Scenario: report.Load, Counts: engine.Counts{Builds: 1}}, "1 requests to build"},
		{"a repair of two revisions", report.Run{Scenario: report.Drift, Change: inspect.Change{Revisions: 2, Rolled: 1}}, "2 Helm revisions"},
	} {
		test.run.Arm, test.run.Counted = report.Tkdeploy, true
		got := strings.Join(checkCounts(test.run), "; ")
		if (got == "") != (test.says == "") || !strings.Contains(got, test.says) {
			t.Errorf("%s: %q", test.name, got)
		}
	}
	careless := report.Run{Scenario: report.Unchanged, Arm: report.Hand, Change: inspect.Change{Revisions: 1}}
	if got := checkCounts(careless); got != nil {
		t.Errorf("hand may write a revision: %v", got)
	}
	uncounted := report.Run{Scenario: report.Source, Arm: report.Tkdeploy, Change: rolled}
	if got := checkCounts(uncounted); got != nil {
		t.Errorf("nothing was counted, but %v", got)
	}
}

func TestOnlyTheWholeIsPublished(t *testing.T) {
	t.Parallel()
	if whole := (options{blocks: -1, repeats: 2}); !whole.complete() {
		t.Error("all of it is a part")
	}
	for _, part := range []options{{blocks: -1, quick: true}, {blocks: -1, apps: "svc5"}, {blocks: -1, arms: "hand"}, {blocks: -1, scenarios: "cold"}, {blocks: 1}} {
		if part.complete() {
			t.Errorf("%+v is the whole", part)
		}
	}
}

func written(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhatTheArmsTellIsRead(t *testing.T) {
	t.Parallel()
	steps, err := readSteps(written(t, "a warning\nstep build 1.5\nstep load 0.25\n"))
	if err != nil || len(steps) != 2 || steps["load"] != 0.25 {
		t.Errorf("steps %v, %v", steps, err)
	}
	stages, mutations, err := readEvents(written(t, `{"kind":"stage.finished","stage":"build","elapsed_ms":1500}
{"kind":"run.finished","elapsed_ms":9000,"mutations":3}
`))
	if err != nil || stages["build"] != 1.5 || mutations != 3 {
		t.Errorf("stages %v, %d mutations, %v", stages, mutations, err)
	}
	if _, _, err := readEvents(written(t, "not JSON\n")); err == nil {
		t.Error("a broken stream was read")
	}
}

func TestPickDocker(t *testing.T) {
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
			t.Errorf("%s: got %s, %v", test.path, got, err)
		}
	}
}

func TestPublish(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.Mkdir("docs", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("docs/performance.md", []byte(report.BeginMarker+"\n"+report.EndMarker+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	results := &report.Results{Runs: []report.Run{{App: "svc5", Scenario: report.Cold, Arm: report.Hand, Seconds: 20}}}
	if err := publish(results); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("docs/performance.md")
	if err != nil || !strings.Contains(string(text), "| svc5 | cold | 20.0 |") {
		t.Errorf("%v: %s", err, text)
	}
	if _, err := os.Stat("docs/performance.svg"); err != nil {
		t.Error(err)
	}
}
