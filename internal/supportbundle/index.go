package supportbundle

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	indexName  = "index.md"
	indexStart = "# tkdeploy "
)

// A Report is what the index tells of the run.
type Report struct {
	Command  string // "up --env ci"
	Place    string // the environment and what is in it, in words
	Versions string
	Failure  string // what a person is told of it: causes, cards and hints
	Exit     int
	Story    Timeline
	Taken    time.Time // when the evidence was taken
	Ended    time.Time // zero while the run goes on, as when it is taken back
	Back     bool      // it was taken back
}

// Index writes the file that a person reads first. It replaces the one that was
// written before, as a whole.
func (b *Bundle) Index(r Report) error {
	b.mu.Lock()
	files, missing := maps.Clone(b.files), maps.Clone(b.missing)
	b.mu.Unlock()
	var text strings.Builder
	r.head(&text)
	fmt.Fprintf(&text, "\n## What failed\n\n%s", quote(r.Failure))
	r.stages(&text)
	fmt.Fprintf(&text, "\n## Files\n\nThe contents of Secrets are masked in all of them.\n\n| file | what it is |\n|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&text, "| [%s](%s) | %s |\n", name, name, cell(files[name]))
	}
	if len(missing) > 0 {
		fmt.Fprintf(&text, "\n## What could not be had\n\n")
		for _, what := range slices.Sorted(maps.Keys(missing)) {
			fmt.Fprintf(&text, "- %s: %s\n", what, strings.Join(strings.Fields(missing[what]), " "))
		}
	}
	return b.replace(indexName, b.lines(text.String()))
}

func (r Report) head(text *strings.Builder) {
	fmt.Fprintf(text, "%s%s failed, exit status %d\n\n", indexStart, r.Command, r.Exit)
	fmt.Fprintf(text, "- where: %s\n- began: %s\n", r.Place, stamp(r.Story.Began))
	fmt.Fprintf(text, "- evidence taken: %s, before anything was taken back\n", stamp(r.Taken))
	switch {
	case r.Ended.IsZero():
		fmt.Fprintf(text, "- ended: not yet when this was written\n")
	default:
		fmt.Fprintf(text, "- ended: %s, after %s\n", stamp(r.Ended), r.Ended.Sub(r.Story.Began).Round(time.Second))
	}
	if r.Story.Recovery != "" {
		outcome := "it was not taken back"
		if r.Back {
			outcome = "it was taken back"
		}
		fmt.Fprintf(text, "- recovery: %s; %s\n", r.Story.Recovery, outcome)
	}
	fmt.Fprintf(text, "- versions: %s\n", r.Versions)
}

func (r Report) stages(text *strings.Builder) {
	fmt.Fprintf(text, "\n## Stages\n\n| stage | outcome | took | why |\n|---|---|---|---|\n")
	for _, s := range r.Story.Stages {
		outcome := string(s.Outcome)
		if outcome == "" {
			outcome = "not ended"
		}
		why := s.Cause
		if s.Error != "" {
			why = strings.TrimPrefix(why+"; error: "+s.Error, "; ")
		}
		took := time.Duration(s.ElapsedMS) * time.Millisecond
		fmt.Fprintf(text, "| %s (%s) | %s | %s | %s |\n", s.ID, s.Title, outcome, took, cell(why))
	}
	if len(r.Story.Warnings) > 0 {
		fmt.Fprintf(text, "\nWarnings:\n\n")
		for _, warning := range r.Story.Warnings {
			fmt.Fprintf(text, "- %s\n", strings.Join(strings.Fields(warning), " "))
		}
	}
}

// replace writes a file beside its place and renames it.
func (b *Bundle) replace(name, text string) error {
	path := filepath.Join(b.path, name)
	if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// quote makes a text a block of code, whatever is in it.
func quote(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ") + "\n"
}

// cell makes a text the cell of a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}
