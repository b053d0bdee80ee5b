package supportbundle

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files/filestest"
	"tkdeploy.dev/tkdeploy/internal/golden"

	"tkdeploy.dev/tkdeploy/internal/redact"
	"tkdeploy.dev/tkdeploy/internal/text"
)

var update = flag.Bool("update", false, "update the golden file")

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, limits Limits) *Bundle {
	t.Helper()
	b, err := Open(filepath.Join(t.TempDir(), "out"), "up", noon, limits)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

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

func TestOpen(t *testing.T) {
	t.Parallel()
	t.Run("creates a directory and keeps ten bundles", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		unrelated := []string{"notes.txt", "20200101T000000Z-up/precious.txt", "20200101T000001Z-up/index.md", "zz/index.md"}
		for _, name := range unrelated {
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
		if len(got) != maxBundles || got[0] != "20261124T120001Z-up-2" {
			t.Errorf("got %d bundles %q, want %d from 20261124T120001Z-up-2", len(got), got, maxBundles)
		}
		if filepath.Base(last) != "20261124T120006Z-up" || !slices.Contains(got, "20261124T120005Z-up-2") {
			t.Errorf("got last bundle %s of %q, want 20261124T120006Z-up", last, got)
		}
		for _, name := range unrelated {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				t.Errorf("removed a file that is not a bundle: %v", err)
			}
		}
	})
}

func TestOpen_unreadable(t *testing.T) {
	dir := t.TempDir()
	index := filepath.Join(dir, "20200101T000000Z-up", indexName)
	filestest.CheckIgnored(t, index, func() error { _, err := Open(dir, "up", noon, Limits{}); return err })
}

func TestCheck(t *testing.T) {
	t.Parallel()
	t.Run("rejects a file and leaves nothing behind", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		if err := Check(filepath.Join(dir, "a", "b")); err != nil {
			t.Error(err)
		}
		if got := entries(t, dir); len(got) > 0 {
			t.Errorf("got files %q, want none", got)
		}
		file := filepath.Join(dir, "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{file, filepath.Join(file, "below")} {
			if err := Check(path); fault.ClassOf(err) != fault.Environment {
				t.Errorf("Check(%s): got %v, want an environment error", path, err)
			}
		}
	})
}

func TestBundle_Collect(t *testing.T) {
	t.Parallel()
	t.Run("isolates failures and abandons late collectors", func(t *testing.T) {
		t.Parallel()
		b := open(t, Limits{})
		b.SetRedactor(func(s string) string { return s }, nil)
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
			Collector{Name: "stuck", Collect: func(_ context.Context, to *Writer) error {
				<-resume
				wrote <- to.Text("late.txt", "late", "no\n")
				return nil
			}})
		close(resume)
		if err := <-wrote; !errors.Is(err, errClosed) {
			t.Errorf("late write: got %v, want %v", err, errClosed)
		}
		if err := b.Index(Report{Command: "up"}); err != nil {
			t.Fatal(err)
		}
		files := content(t, b)
		if len(files) != 3 || files["good.txt"] != "yes\n" || files["half.txt"] == "" {
			t.Errorf("got files %v, want good.txt, half.txt and the index", files)
		}
		for _, want := range []string{"- broken: no such thing\n", "- half: the rest: i/o timeout\n", "- stuck: incomplete: did not finish in time\n", "- [good.txt](good.txt): good\n"} {
			if !strings.Contains(files["index.md"], want) {
				t.Errorf("index.md: got\n%s\nwant %q", files["index.md"], want)
			}
		}
	})

	t.Run("skips raw parts if Secrets cannot be read", func(t *testing.T) {
		t.Parallel()
		b := open(t, Limits{})
		b.SetRedactor(nil, errors.New("list secrets: connection refused"))
		b.Collect(t.Context(), time.Second, Collector{Name: "logs", Raw: true, Collect: func(_ context.Context, to *Writer) error {
			return to.Text("log", "a log", "canary")
		}})
		if err := b.Index(Report{}); err != nil {
			t.Fatal(err)
		}
		files := content(t, b)
		want := "- logs: skipped because Secrets in it could not be redacted: list secrets: connection refused"
		if len(files) != 1 || !strings.Contains(files["index.md"], want) {
			t.Errorf("got files %v, want only an index with %q", files, want)
		}
	})
}

func TestBundle_Text(t *testing.T) {
	t.Parallel()
	t.Run("enforces the size limit and the directory", func(t *testing.T) {
		t.Parallel()
		b := open(t, Limits{TotalBytes: 10})
		if err := b.Text("a", "", "12345678"); err != nil {
			t.Error(err)
		}
		if err := b.Text("b", "", "123"); err == nil || !strings.Contains(err.Error(), "write b: bundle has reached its limit") {
			t.Errorf("got %v, want an error about the limit", err)
		}
		if err := b.Text("../c", "", ""); err == nil {
			t.Error("wrote a file outside the bundle")
		}
	})
}

func TestTailText(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		writes []string
		want   string
	}{
		"keeps a short log":               {[]string{"one\n", "two\n"}, "one\ntwo\n"},
		"drops an incomplete line":        {[]string{"secret one\n", "two\n", "three\n"}, "[11 bytes omitted]\ntwo\nthree\n"},
		"drops a line over the limit":     {[]string{strings.Repeat("x", 50)}, "[50 bytes omitted]\n"},
		"keeps the end of many writes":    {slices.Repeat([]string{"ab\n"}, 100), "[288 bytes omitted]\nab\nab\nab\nab\n"},
		"keeps an empty log":              {nil, ""},
		"keeps a log of the limit's size": {[]string{"1234567\n12345\n"}, "1234567\n12345\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kept := &text.TailWriter{Limit: 14}
			for _, w := range test.writes {
				fmt.Fprint(kept, w)
			}
			if got := tailText(kept); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestBundle_Index(t *testing.T) {
	t.Parallel()
	t.Run("matches the golden file", func(t *testing.T) {
		t.Parallel()
		b := open(t, Limits{})
		b.SetRedactor(func(s string) string { return strings.ReplaceAll(s, "canary", redact.Mask) }, nil)
		var timeline Timeline
		for _, e := range []event.Event{
			{Kind: event.RunStarted, Time: noon, Plan: []event.StageInfo{{ID: "release", Title: "Release"}, {ID: "rollout", Title: "Rollout", Needs: []string{"release"}}, {ID: "verify", Title: "Verify", Needs: []string{"rollout"}}}},
			{Kind: event.StageStarted, Stage: "release", Reason: "image web.image changed a | b"},
			{Kind: event.StageFinished, Stage: "release", Outcome: event.Done, Reason: "image web.image changed a | b", Elapsed: 1200 * time.Millisecond},
			{Kind: event.StageFinished, Stage: "rollout", Outcome: event.Failed, Elapsed: 20 * time.Second, Err: errors.New("web: crash loop with canary\nand its log")},
			{Kind: event.StageFinished, Stage: "verify", Outcome: event.Blocked, Reason: "needs rollout"},
			{Kind: event.Warning, Message: "a slow disk"},
			{Kind: event.RecoveryStarted, Reason: "revision 2 failed: rolling back to revision 1", Plan: []event.StageInfo{{ID: "rollback", Title: "Rollback"}}},
		} {
			timeline.Report(e)
		}
		if err := errors.Join(b.Text("pods/web/web.previous.log", "log of container web", "x\n"), b.Text("plan.json", "the plan", "[]\n")); err != nil {
			t.Fatal(err)
		}
		b.addMissing("events of the nodes", errors.New("timed out\nafter 10s"))
		report := Report{
			Command: "up", Target: "environment ci, cluster shop-ci", Versions: "tkdeploy dev", ExitCode: 14, Timeline: timeline,
			Failure: `tkdeploy: error: web: container web: the container keeps crashing: exit status 3, 2 restarts
  where  Deployment shop/web, pod web-1, node shop-ci-control-plane
  log    last lines of the log of pod web-1:
         | panic: no database
         | ` + "```" + `
  next   Read the log.
tkdeploy: hint: see canary
`,
			CollectedAt: noon.Add(21 * time.Second), EndedAt: noon.Add(40 * time.Second), RolledBack: true,
		}
		if err := b.Index(report); err != nil {
			t.Fatal(err)
		}
		golden.Compare(t, "testdata/index.golden.md", content(t, b)["index.md"], *update)
	})
}

func TestTimeline_Report(t *testing.T) {
	t.Parallel()
	t.Run("keeps the reason and the error of a stage", func(t *testing.T) {
		t.Parallel()
		var timeline Timeline
		for _, e := range []event.Event{
			{Kind: event.RunStarted, Time: noon, Plan: []event.StageInfo{{ID: "release", Title: "Release"}}},
			{Kind: event.StageStarted, Stage: "release", Reason: "no release yet"},
			{Kind: event.StageFinished, Stage: "release", Outcome: event.Failed, Elapsed: time.Second, Err: fault.New(fault.Apply, errors.New("forbidden"), "check access")},
			{Kind: event.StageFinished, Stage: "unknown", Outcome: event.Done},
		} {
			timeline.Report(e)
		}
		got, err := json.Marshal(timeline.Stages)
		if err != nil {
			t.Fatal(err)
		}
		want := `[{"id":"release","title":"Release","outcome":"failed","elapsed_ms":1000,"reason":"no release yet","error":"forbidden","hint":"check access"}]`
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("stages differ (-want +got):\n%s", diff)
		}
	})
}

func TestBundle_JSONDocuments(t *testing.T) {
	t.Parallel()
	b := open(t, Limits{})
	b.SetRedactor(redact.New([]redact.Entry{{Key: "password", Value: `hunter"2{}`}}, nil).Text, nil)
	const lines = `{"seq":1,"message":"login with hunter\"2{} failed"}` + "\n" + `{"seq":2,"message":"https://u:p@h/ <b>"}` + "\n"
	if err := b.JSONDocuments("events.jsonl", "events", lines); err != nil {
		t.Fatal(err)
	}
	const want = `{"seq":1,"message":"login with [redacted] failed"}` + "\n" + `{"seq":2,"message":"https://u:[redacted]@h/ \u003cb\u003e"}` + "\n"
	if diff := cmp.Diff(want, content(t, b)["events.jsonl"]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestBundle_JSON(t *testing.T) {
	t.Parallel()
	t.Run("stays valid if a Secret contains JSON", func(t *testing.T) {
		t.Parallel()
		b := open(t, Limits{})
		secret := "{\n  \"route\": {\n    \"receiver\": \"team\"\n  },\n  \"token\": \"t0k3n-of-team\"\n}"
		b.SetRedactor(redact.New([]redact.Entry{{Key: "alertmanager.yaml", Value: secret}}, nil).Text, nil)
		if err := b.JSON("status.json", "status", map[string]any{"route": map[string]any{"receiver": "team"}, "log": "token t0k3n-of-team"}); err != nil {
			t.Fatal(err)
		}
		const want = "{\n  \"log\": \"token [redacted]\",\n  \"route\": {\n    \"receiver\": \"team\"\n  }\n}\n"
		if diff := cmp.Diff(want, content(t, b)["status.json"]); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})

	t.Run("counts a file that is written again only once", func(t *testing.T) {
		t.Parallel()
		b := open(t, Limits{TotalBytes: 100})
		for range 3 {
			if err := b.Text("plan.txt", "plan", strings.Repeat("x", 60)); err != nil {
				t.Fatal(err)
			}
		}
	})

	t.Run("masks credentials in URLs without a cluster", func(t *testing.T) {
		t.Parallel()
		b := open(t, Limits{})
		if err := b.Text("inspect.json", "node", `"Env": ["HTTPS_PROXY=http://user:pass@proxy:3128"]`); err != nil {
			t.Fatal(err)
		}
		if got := content(t, b)["inspect.json"]; strings.Contains(got, "pass@") {
			t.Errorf("got %s, want no password", got)
		}
	})
}
