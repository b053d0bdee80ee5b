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

// WriteFiles creates files below dir.
func WriteFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
}

// EventLog records events.
type EventLog struct {
	mu     sync.Mutex
	Events []event.Event
}

// Report implements event.Reporter.
func (l *EventLog) Report(e event.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Events = append(l.Events, e)
}

// Outcomes returns the items' outcomes and mutations, sorted by name.
func (l *EventLog) Outcomes() string {
	var outcomes []string
	for _, e := range l.Events {
		if e.Kind == event.ItemFinished {
			outcomes = append(outcomes, fmt.Sprintf("%s=%s+%d", e.Item, e.Outcome, e.Mutations))
		}
	}
	slices.Sort(outcomes)
	return strings.Join(outcomes, " ")
}

// Reasons returns the items' reasons, sorted by name.
func (l *EventLog) Reasons() string {
	var reasons []string
	for _, e := range l.Events {
		if e.Kind == event.ItemFinished {
			reasons = append(reasons, e.Item+": "+e.Reason)
		}
	}
	slices.Sort(reasons)
	return strings.Join(reasons, "; ")
}

// Messages returns one kind's messages, one per line.
func (l *EventLog) Messages(kind event.Kind) string {
	var texts []string
	for _, e := range l.Events {
		if e.Kind == kind {
			texts = append(texts, e.Message)
		}
	}
	return strings.Join(texts, "\n")
}

// StaticBinary builds a static program and returns its path.
func StaticBinary(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	WriteFiles(t, dir, map[string]string{"main.go": "package main\n\nfunc main() { println(\"ok\") }\n", "go.mod": "module x\n"})
	path := filepath.Join(dir, "probe")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-ldflags", "-s -w", "-o", path, ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// NoError fails the test if err is not nil.
func NoError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
