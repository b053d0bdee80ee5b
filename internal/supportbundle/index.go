package supportbundle

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/files"
	"tkdeploy.dev/tkdeploy/internal/text"
)

const (
	indexName   = "index.md"
	indexPrefix = "# tkdeploy "
)

// Report describes a run for the index.
type Report struct {
	Command     string // without the program's name: "up --env ci"
	Target      string // environment, cluster and release, on one line
	Versions    string
	Failure     string // errors and hints, as on standard error
	ExitCode    int
	Timeline    Timeline
	CollectedAt time.Time
	EndedAt     time.Time // zero if the run has not ended
	RolledBack  bool      // the automatic rollback succeeded
}

// Index writes index.md, the entry point of the bundle, atomically.
func (b *Bundle) Index(r Report) error {
	b.mu.Lock()
	files, missing := maps.Clone(b.files), maps.Clone(b.missing)
	b.mu.Unlock()
	var out strings.Builder
	fmt.Fprintf(&out, "%s%s failed with exit code %d\n", indexPrefix, r.Command, r.ExitCode)
	r.writeFailures(&out)
	r.writeRun(&out)
	r.writeStages(&out, b.redact)
	writeFiles(&out, files)
	writeMissing(&out, missing)
	return b.replace(indexName, b.redactLines(out.String()))
}

func (r Report) writeFailures(out *strings.Builder) {
	fmt.Fprint(out, "\n## Failures\n\n")
	var failed []string
	for _, s := range r.Timeline.Stages {
		if s.Outcome == event.Failed {
			failed = append(failed, fmt.Sprintf("%s after %s", s.ID, s.elapsed()))
		}
	}
	if len(failed) > 0 {
		fmt.Fprintf(out, "Failed: %s.\n\n", strings.Join(failed, ", "))
	}
	fmt.Fprint(out, codeBlock(r.Failure))
}

func (r Report) writeRun(out *strings.Builder) {
	started := r.Timeline.StartedAt
	fmt.Fprint(out, "\n## Run\n\n")
	fmt.Fprintf(out, "- target: %s\n- started: %s\n", r.Target, stamp(started))
	if r.EndedAt.IsZero() {
		fmt.Fprint(out, "- ended: still running when this file was written\n")
	} else {
		fmt.Fprintf(out, "- ended: %s, after %s\n", stamp(r.EndedAt), text.Duration(r.EndedAt.Sub(started)))
	}
	fmt.Fprintf(out, "- bundle collected: %s, before any rollback\n", stamp(r.CollectedAt))
	if recovery := r.Timeline.Recovery; recovery != "" {
		outcome := "did not succeed"
		if r.RolledBack {
			outcome = "succeeded"
		}
		fmt.Fprintf(out, "- rollback: %s (%s)\n", outcome, text.OneLine(recovery))
	}
	fmt.Fprintf(out, "- versions: %s\n", r.Versions)
}

// writeStages redacts each error before cutting it: the rest of a secret would not
// be recognized.
func (r Report) writeStages(out *strings.Builder, redact func(string) string) {
	rows := [][]string{{"Stage", "Outcome", "Time", "Reason"}}
	for _, s := range r.Timeline.Stages {
		reason := redact(s.Reason)
		if s.Error != "" {
			reason = strings.TrimPrefix(reason+"; error: "+text.FirstLine(redact(s.Error)), "; ")
		}
		rows = append(rows, []string{s.ID, cmp.Or(string(s.Outcome), "not finished"), s.elapsed(), reason})
	}
	fmt.Fprintf(out, "\n## Stages\n\n%s", markdownTable(rows))
	if len(r.Timeline.Warnings) == 0 {
		return
	}
	fmt.Fprint(out, "\n## Warnings\n\n")
	for _, warning := range r.Timeline.Warnings {
		fmt.Fprintf(out, "- %s\n", text.OneLine(warning))
	}
}

func (s Stage) elapsed() string {
	if s.Outcome == "" || s.Outcome == event.Blocked {
		return "-"
	}
	return text.Duration(time.Duration(s.ElapsedMS) * time.Millisecond)
}

func writeFiles(out *strings.Builder, files map[string]string) {
	fmt.Fprint(out, "\n## Files\n\nThe contents of Secrets are redacted in all files.\n\n")
	for _, name := range slices.SortedFunc(maps.Keys(files), byDirectory) {
		fmt.Fprintf(out, "- [%s](%s): %s\n", name, name, text.OneLine(files[name]))
	}
}

// directories are in index order: those that explain most failures first.
var directories = []string{"pods", "namespace", "cluster", "nodes"}

// byDirectory sorts files outside a directory first.
func byDirectory(a, b string) int {
	rank := func(name string) int {
		directory, _, _ := strings.Cut(name, "/")
		return slices.Index(directories, directory)
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
}

func writeMissing(out *strings.Builder, missing map[string]string) {
	if len(missing) == 0 {
		return
	}
	fmt.Fprint(out, "\n## Missing parts\n\n")
	for _, part := range slices.Sorted(maps.Keys(missing)) {
		fmt.Fprintf(out, "- %s: %s\n", part, text.OneLine(missing[part]))
	}
}

func (b *Bundle) replace(name, content string) error {
	return files.Write(filepath.Join(b.path, name), []byte(content), 0o644)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
