package supportbundle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, limits Limits) *Bundle {
	t.Helper()
	b, err := Open(filepath.Join(t.TempDir(), "out"), "up", noon, limits)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// content is every file of a bundle, by its name.
func content(t *testing.T, b *Bundle) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(b.Path(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(b.Path(), path)
		files[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func entries(t *testing.T, dir string) []string {
	t.Helper()
	found, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range found {
		names = append(names, e.Name())
	}
	return names
}

func TestEachRunHasItsFolderAndTenBundlesAreKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	theirs := []string{"notes.txt", "20200101T000000Z-up/precious.txt", "20200101T000001Z-up/index.md", "zz/index.md"}
	for _, name := range theirs {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("# mine\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var last string
	for i := range 13 {
		b, err := Open(dir, "up", noon.Add(time.Duration(i/2)*time.Second), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Index(Report{Command: "up"}); err != nil {
			t.Fatal(err)
		}
		last = b.Path()
	}
	got := slices.DeleteFunc(entries(t, dir), func(name string) bool { return !strings.HasPrefix(name, "2026") })
	if len(got) != keptBundles || got[0] != "20261124T120001Z-up-2" {
		t.Errorf("kept %d: %q", len(got), got)
	}
	if filepath.Base(last) != "20261124T120006Z-up" || !slices.Contains(got, "20261124T120005Z-up-2") {
		t.Errorf("the last is %s of %q", last, got)
	}
	for _, name := range theirs {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("what is no bundle is gone: %v", err)
		}
	}
}

func TestCheckLeavesNothingAndRefusesWhatIsNoFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := Check(filepath.Join(dir, "a", "b")); err != nil {
		t.Error(err)
	}
	if got := entries(t, dir); len(got) > 0 {
		t.Errorf("left %q", got)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, filepath.Join(file, "below")} {
		if err := Check(path); fault.ClassOf(err) != fault.Environment {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestPartsFailOnTheirOwnAndAreGivenUp(t *testing.T) {
	t.Parallel()
	b := open(t, Limits{})
	b.Redact(func(s string) string { return s }, nil)
	wrote := make(chan error)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	resume := make(chan struct{})
	b.Collect(ctx, time.Millisecond,
		Collector{Name: "good", Collect: func(_ context.Context, to *Writer) error { return to.Text("good.txt", "good", "yes\n") }},
		Collector{Name: "broken", Collect: func(context.Context, *Writer) error { return errors.New("no such thing") }},
		Collector{Name: "half", Collect: func(ctx context.Context, to *Writer) error {
			return errors.Join(to.Text("half.txt", "half", "x\n"), fmt.Errorf("the rest: %w", os.ErrDeadlineExceeded))
		}},
		Collector{Name: "deaf", Collect: func(_ context.Context, to *Writer) error {
			<-resume
			wrote <- to.Text("late.txt", "late", "no\n")
			return nil
		}})
	close(resume)
	if err := <-wrote; !errors.Is(err, errLate) {
		t.Errorf("a late part wrote: %v", err)
	}
	if err := b.Index(Report{Command: "up"}); err != nil {
		t.Fatal(err)
	}
	files := content(t, b)
	if len(files) != 3 || files["good.txt"] != "yes\n" || files["half.txt"] == "" {
		t.Errorf("files %v", files)
	}
	for _, want := range []string{"- broken: no such thing\n", "- half: the rest: i/o timeout\n", "- deaf: not all of it came in time\n", "[good.txt](good.txt) | good |"} {
		if !strings.Contains(files["index.md"], want) {
			t.Errorf("the index lacks %q:\n%s", want, files["index.md"])
		}
	}
}

func TestWithoutKnowledgeOfTheSecretsRawPartsAreLeftOut(t *testing.T) {
	t.Parallel()
	b := open(t, Limits{})
	b.Redact(nil, errors.New("list the Secrets: no answer"))
	b.Collect(t.Context(), time.Second, Collector{Name: "logs", Raw: true, Collect: func(_ context.Context, to *Writer) error {
		return to.Text("log", "a log", "canary")
	}})
	if err := b.Index(Report{}); err != nil {
		t.Fatal(err)
	}
	files := content(t, b)
	if len(files) != 1 || !strings.Contains(files["index.md"], "- logs: the Secrets are not known, and it might show one: list the Secrets: no answer") {
		t.Errorf("%v", files)
	}
}

func TestABundleHasAMostAndStaysInItsFolder(t *testing.T) {
	t.Parallel()
	b := open(t, Limits{Total: 10})
	if err := b.Text("a", "", "12345678"); err != nil {
		t.Error(err)
	}
	if err := b.Text("b", "", "123"); err == nil || !strings.Contains(err.Error(), "left out b") {
		t.Errorf("got %v", err)
	}
	if err := b.Text("../c", "", ""); err == nil {
		t.Error("wrote beside the bundle")
	}
}

func TestTheEndOfALogIsKept(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		writes []string
		want   string
	}{
		"a short one whole":                     {[]string{"one\n", "two\n"}, "one\ntwo\n"},
		"a long one without its cut line":       {[]string{"secret one\n", "two\n", "three\n"}, "[11 bytes before this are left out]\ntwo\nthree\n"},
		"a line that is too long is left out":   {[]string{strings.Repeat("x", 50)}, "[50 bytes before this are left out]\n"},
		"many small writes take no more room":   {slices.Repeat([]string{"ab\n"}, 100), "[288 bytes before this are left out]\nab\nab\nab\nab\n"},
		"nothing of nothing":                    {nil, ""},
		"as much as there is room for is whole": {[]string{"1234567\n12345\n"}, "1234567\n12345\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kept := &tail{most: 14}
			for _, w := range test.writes {
				fmt.Fprint(kept, w)
				if len(kept.kept) > 28 {
					t.Fatalf("holds %d bytes", len(kept.kept))
				}
			}
			if got := kept.text(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestIndexGolden(t *testing.T) {
	t.Parallel()
	b := open(t, Limits{})
	b.Redact(func(s string) string { return strings.ReplaceAll(s, "canary", redacted) }, nil)
	var story Timeline
	for _, e := range []event.Event{
		{Kind: event.RunStarted, Time: noon, Plan: []event.StageInfo{{ID: "release", Title: "Release"}, {ID: "rollout", Title: "Rollout", Needs: []string{"release"}}, {ID: "verify", Title: "Smoke test", Needs: []string{"rollout"}}}},
		{Kind: event.StageStarted, Stage: "release", Reason: "image web.image changed a | b"},
		{Kind: event.StageFinished, Stage: "release", Outcome: event.Done, Reason: "image web.image changed a | b", Elapsed: 1200 * time.Millisecond},
		{Kind: event.StageFinished, Stage: "rollout", Outcome: event.Failed, Elapsed: 20 * time.Second, Err: errors.New("web: crash loop\nwith canary")},
		{Kind: event.StageFinished, Stage: "verify", Outcome: event.Blocked, Reason: "needs rollout"},
		{Kind: event.Warning, Message: "a slow disk"},
		{Kind: event.RecoveryStarted, Reason: "revision 2 failed: going back to revision 1", Plan: []event.StageInfo{{ID: "rollback", Title: "Rollback"}}},
	} {
		story.Report(e)
	}
	if err := errors.Join(b.Text("pods/web/web.previous.log", "log of container web", "x\n"), b.Text("plan.json", "the plan", "[]\n")); err != nil {
		t.Fatal(err)
	}
	b.miss("events of the nodes", errors.New("timed out\nafter 10s"))
	report := Report{
		Command: "up", Place: "environment ci, cluster shop-ci", Versions: "tkdeploy dev", Exit: 14, Story: story,
		Failure: "tkdeploy: error: web: crash loop\n  log | ```\ntkdeploy: hint: see canary\n",
		Taken:   noon.Add(21 * time.Second), Ended: noon.Add(40 * time.Second), Back: true,
	}
	if err := b.Index(report); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/index.golden.md")
	if err != nil {
		t.Fatal(err)
	}
	if got := content(t, b)["index.md"]; got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
