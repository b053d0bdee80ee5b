package report

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
)

const (
	// noticeable is how long an item takes at least that a person would want to
	// know of; in a long run it is a hundredth of the whole.
	noticeable = 100 * time.Millisecond
	// slowest is how many items of a stage are shown.
	slowest = 5
	// usualWidth is that of a log, or of a terminal that does not tell.
	usualWidth = 120
)

// Timings folds a run into a table of where its time went: a line for each
// stage, below it the slowest of its items, and the critical path. It is
// written when the run is over, as far as the run came.
type Timings struct {
	*text
	record
	width int // of the lines, in characters
}

// NewTimings writes to w when it is closed. A width of 0 is not known.
func NewTimings(w io.Writer, color bool, width int) *Timings {
	if width <= 0 {
		width = usualWidth
	}
	return &Timings{text: newText(w, color), width: width}
}

// Close writes the table.
func (t *Timings) Close() error {
	stages := slices.DeleteFunc(slices.Clone(t.stages), func(s *span) bool { return s.id == "" })
	if len(stages) == 0 {
		t.println("timings: no stage began")
		return t.err
	}
	l := t.layout(stages)
	t.println(l.head(t.whole()))
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
	path, rest := t.tellPath()
	for _, line := range wrap("critical path: ", path, " → ", t.width) {
		t.println(line)
	}
	t.println(rest)
	return t.err
}

// slow are the items of a stage that took noticeable time, the slowest first,
// and a word on the others.
func (t *Timings) slow(s *span) (shown []*span, rest string) {
	items := slices.DeleteFunc(slices.Clone(s.items), func(i *span) bool { return i.start.IsZero() })
	slices.SortStableFunc(items, func(a, b *span) int { return cmp.Compare(t.length(b), t.length(a)) })
	for n, i := range items {
		if n == slowest || t.length(i) < max(noticeable, t.whole()/100) && i.outcome() != "" {
			return items[:n], fmt.Sprintf("and %d more, each at most %s", len(items)-n, Duration(t.length(i)))
		}
	}
	return items, ""
}

func (t *Timings) row(l layout, s *span) string {
	indent, fill := "", "#"
	if s.of != nil {
		indent, fill = "  ", "-"
	}
	start, took, bar := "-", "-", ""
	if !s.start.IsZero() {
		start, took = "+"+Duration(t.after(s.start)), Duration(t.length(s))
		bar = l.bar(t.after(s.start), t.after(t.until(s)), t.whole(), fill)
	}
	line := fmt.Sprintf("%s%s %-*s %7s %7s  |%-*s|", indent, t.mark(s.outcome()), l.name-len(indent), shorten(clean(s.name), l.name-len(indent)),
		start, took, l.plot, bar)
	if why := s.why(); l.why > 0 && why != "" {
		line += "  " + t.paint(faint, shorten(why, l.why))
	}
	return line
}

// why says in a line why it ran and, if it did not end well, how it ended.
func (s *span) why() string {
	why := orElse(s.cause, s.said())
	if state := s.state(); state != "done" && state != "unchanged" {
		why = strings.TrimSuffix(state+"; "+why, "; ")
	}
	return clean(why)
}

// A layout is the columns' widths in characters. Between name and plot are two
// of seven for start and length.
type layout struct{ name, plot, why int }

func (t *Timings) layout(stages []*span) layout {
	l := layout{name: len("timings"), plot: max(t.width/4, 10)}
	for _, s := range stages {
		l.name = max(l.name, length(s.name))
		shown, _ := t.slow(s)
		for _, i := range shown {
			l.name = max(l.name, length(clean(i.name))+2)
		}
	}
	l.name = min(l.name, max(t.width/4, 12))
	l.why = t.width - (2 + l.name + 2*8 + 2 + l.plot + 2 + 2)
	if l.why < 12 { // nothing that could be read
		l.why = 0
	}
	return l
}

func (l layout) head(took time.Duration) string {
	end := Duration(took)
	head := fmt.Sprintf("  %-*s %7s %7s  |%-*s%s|", l.name, "timings", "start", "took", l.plot-len(end), "0s", end)
	if l.why > 0 {
		head += "  why"
	}
	return head
}

// bar is the part of the run from start to end, drawn to scale: a character at
// least.
func (l layout) bar(start, end, whole time.Duration, fill string) string {
	if whole <= 0 {
		return fill
	}
	scale := float64(l.plot) / float64(whole)
	from := min(int(float64(start)*scale), l.plot-1)
	to := min(max(int(math.Ceil(float64(end)*scale)), from+1), l.plot)
	return strings.Repeat(" ", from) + strings.Repeat(fill, to-from)
}
