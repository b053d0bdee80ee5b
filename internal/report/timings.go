package report

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/internal/text"
)

const (
	// noticeable is the shortest duration of a listed item. In a long run it is one
	// percent of the whole.
	noticeable = 100 * time.Millisecond
	// maxItems is the number of listed items per stage.
	maxItems = 5
	// logWidth is the width of the table in a log.
	logWidth = 120
)

// Timings prints where the time of a run went: a line for each stage, its slowest
// items and the critical path.
type Timings struct {
	*lineWriter
	runTrace
	width int // of the lines, in columns
}

// NewTimings returns a renderer that writes to w when it is closed. If width is 0,
// it uses the width of a log.
func NewTimings(w io.Writer, color bool, width int) *Timings {
	if width <= 0 {
		width = logWidth
	}
	return &Timings{lineWriter: newLineWriter(w, color), width: width}
}

// Close writes the table, even for an unfinished run.
func (t *Timings) Close() error {
	stages := slices.DeleteFunc(slices.Clone(t.stages), func(s *span) bool { return s.id == "" })
	if len(stages) == 0 {
		t.println("timings: no stage started")
		return t.err
	}
	l := t.layout(stages)
	t.println(l.head(t.duration()))
	for _, s := range stages {
		t.println(t.row(l, s))
		shown, rest := t.slow(s)
		for _, i := range shown {
			t.println(t.row(l, i))
		}
		if rest != "" {
			t.println("    " + t.paint(faint, rest))
		}
	}
	path, rest := t.formatPath()
	for _, line := range wrap("critical path: ", path, " → ", t.width) {
		t.println(line)
	}
	t.println(rest)
	return t.err
}

// slow returns the noticeable items, slowest first, and a line about the others.
func (t *Timings) slow(s *span) (shown []*span, rest string) {
	items := slices.DeleteFunc(slices.Clone(s.items), func(i *span) bool { return i.start.IsZero() })
	slices.SortStableFunc(items, func(a, b *span) int { return cmp.Compare(t.length(b), t.length(a)) })
	for n, i := range items {
		if n == maxItems || t.length(i) < max(noticeable, t.duration()/100) && i.outcome() != "" {
			return items[:n], fmt.Sprintf("and %d more, at most %s each", len(items)-n, text.Duration(t.length(i)))
		}
	}
	return items, ""
}

func (t *Timings) row(l layout, s *span) string {
	indent, fill := "", "#"
	if s.parent != nil {
		indent, fill = "  ", "-"
	}
	start, took, bar := "-", "-", ""
	if !s.start.IsZero() {
		start, took = "+"+text.Duration(t.offset(s.start)), text.Duration(t.length(s))
		bar = l.bar(t.offset(s.start), t.offset(t.endOf(s)), t.duration(), fill)
	}
	line := fmt.Sprintf("%s%s %s %7s %7s  |%-*s|", indent, t.mark(s.outcome()), pad(shorten(clean(s.name), l.name-len(indent)), l.name-len(indent)),
		start, took, l.plot, bar)
	if reason := s.explanation(); l.reason > 0 && reason != "" {
		line += "  " + t.paint(faint, shorten(reason, l.reason))
	}
	return line
}

// explanation returns why the span ran and, unless it succeeded, its state.
func (s *span) explanation() string {
	reason := cmp.Or(s.reason, s.messages())
	if state := s.state(); state != "done" && state != "unchanged" {
		reason = strings.TrimSuffix(state+"; "+reason, "; ")
	}
	return clean(reason)
}

// layout has the widths of the table's columns. Start and duration take seven each.
type layout struct{ name, plot, reason int }

func (t *Timings) layout(stages []*span) layout {
	l := layout{name: len("timings"), plot: max(t.width/4, 10)}
	for _, s := range stages {
		l.name = max(l.name, cells(s.name))
		shown, _ := t.slow(s)
		for _, i := range shown {
			l.name = max(l.name, cells(clean(i.name))+2)
		}
	}
	l.name = min(l.name, max(t.width/4, 12))
	l.reason = t.width - (2 + l.name + 2*8 + 2 + l.plot + 2 + 2)
	if l.reason < 12 { // too narrow to read
		l.reason = 0
	}
	return l
}

func (l layout) head(took time.Duration) string {
	end := text.Duration(took)
	head := fmt.Sprintf("  %-*s %7s %7s  |%-*s%s|", l.name, "timings", "start", "took", l.plot-len(end), "0s", end)
	if l.reason > 0 {
		head += "  reason"
	}
	return head
}

// bar draws the time to scale, at least one character wide.
func (l layout) bar(start, end, whole time.Duration, fill string) string {
	if whole <= 0 {
		return fill
	}
	scale := float64(l.plot) / float64(whole)
	from := min(int(float64(start)*scale), l.plot-1)
	to := min(max(int(math.Ceil(float64(end)*scale)), from+1), l.plot)
	return strings.Repeat(" ", from) + strings.Repeat(fill, to-from)
}
