package enginetest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// write puts files into a folder.
func WriteFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// goBuild builds the static executable of a folder.
func goBuild(t *testing.T, dir, out string) {
	t.Helper()
	cmd := exec.Command("go", "build", "-ldflags", "-s -w", "-o", out, ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

// An eventLog keeps events.
type EventLog struct {
	mu     sync.Mutex
	Events []event.Event
}

func (l *EventLog) Report(e event.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Events = append(l.Events, e)
}

// outcomes tells how each item ended, with its mutations, sorted by name.
func (l *EventLog) Outcomes() string {
	var ends []string
	for _, e := range l.Events {
		if e.Kind == event.ItemFinished {
			ends = append(ends, fmt.Sprintf("%s=%s+%d", e.Item, e.Outcome, e.Mutations))
		}
	}
	slices.Sort(ends)
	return strings.Join(ends, " ")
}

// causes tells why items were worked on, sorted by name.
func (l *EventLog) Reasons() string {
	var causes []string
	for _, e := range l.Events {
		if e.Kind == event.ItemFinished {
			causes = append(causes, e.Item+": "+e.Reason)
		}
	}
	slices.Sort(causes)
	return strings.Join(causes, "; ")
}

// messages are the texts of the events of one kind.
func (l *EventLog) Messages(kind event.Kind) string {
	var texts []string
	for _, e := range l.Events {
		if e.Kind == kind {
			texts = append(texts, e.Message)
		}
	}
	return strings.Join(texts, "\n")
}

// staticBinary builds a small static program that says ok.
func StaticBinary(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	WriteFiles(t, dir, map[string]string{"main.go": "package main\n\nfunc main() { println(\"ok\") }\n", "go.mod": "module x\n"})
	path := filepath.Join(dir, "probe")
	goBuild(t, dir, path)
	return path
}

func NoError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
