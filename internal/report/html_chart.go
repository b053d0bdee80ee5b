package report

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The picture's measures in its own units, of which it is chartWidth wide. Left
// of the plot are the names; right of it is room for the last bars' durations.
const (
	chartWidth = 1000
	plotLeft   = 250
	plotWidth  = 670
	rowHeight  = 20
	barHeight  = 14
	axisHeight = 24
	labelRunes = 36 // of a name that fit left of the plot
	thinnest   = 2  // of a bar
)

// A chart is a Gantt picture: a bar for each stage and item, to scale.
type chart struct {
	Width, Height, RowHeight, BarHeight int
	Ticks                               []tick
	Bars                                []bar
}

type tick struct {
	X     float64
	Label string
}

// A bar is a row of the picture with its bar, which one that did not begin has
// not. All are the left and upper edges, TextY the line that text stands on.
type bar struct {
	Class, Title   string // Title is told on hovering
	RowY, Y, TextY int
	Name           string
	NameX          int
	X, Width       float64
	Took           string
	TookX          float64
}

func (h *HTML) chart() chart {
	c := chart{Width: chartWidth, RowHeight: rowHeight, BarHeight: barHeight}
	path := h.critical()
	for _, s := range h.stages {
		if s.id == "" {
			continue
		}
		c.Bars = append(c.Bars, h.bar(s, len(c.Bars), slices.Contains(path, s)))
		items := slices.Clone(s.items)
		slices.SortStableFunc(items, func(a, b *span) int { return a.start.Compare(b.start) })
		for _, i := range items {
			c.Bars = append(c.Bars, h.bar(i, len(c.Bars), false))
		}
	}
	c.Height = axisHeight + len(c.Bars)*rowHeight + 4
	for at, step := time.Duration(0), tickStep(h.whole()); at <= h.whole(); at += step {
		c.Ticks = append(c.Ticks, tick{X: h.x(at), Label: tickLabel(at)})
	}
	return c
}

func (h *HTML) x(at time.Duration) float64 {
	if h.whole() <= 0 {
		return plotLeft
	}
	return rounded(plotLeft + plotWidth*min(float64(at)/float64(h.whole()), 1))
}

func (h *HTML) bar(s *span, n int, critical bool) bar {
	y := axisHeight + n*rowHeight
	b := bar{
		Class: class(s.state()), Title: h.title(s), RowY: y, Y: y + (rowHeight-barHeight)/2, TextY: y + rowHeight - 6,
		Name: shorten(clean(s.name), labelRunes), NameX: 2,
	}
	switch {
	case s.of != nil:
		b.Class, b.NameX = b.Class+" item", 16
	case critical:
		b.Class += " critical"
	}
	if s.start.IsZero() {
		b.Took, b.TookX = s.state(), plotLeft+4
		return b
	}
	b.X = h.x(h.after(s.start))
	b.Width = rounded(max(h.x(h.after(h.until(s)))-b.X, thinnest))
	b.Took, b.TookX = Duration(h.length(s)), rounded(b.X+b.Width+4)
	return b
}

// title is all that is known of a stage or item.
func (h *HTML) title(s *span) string {
	title := clean(s.name) + ": " + s.state()
	if !s.start.IsZero() {
		from := h.after(s.start)
		title += fmt.Sprintf(", %s from +%s to +%s", Duration(h.length(s)), Duration(from), Duration(from+h.length(s)))
	}
	if s.cause != "" {
		title += "\nwhy: " + clean(s.cause)
	}
	if said := s.said(); said != "" {
		title += "\n" + said
	}
	return title
}

// tickStep is a round time of which at most ten are in the whole.
func tickStep(whole time.Duration) time.Duration {
	units := []time.Duration{time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, time.Second, 10 * time.Second, time.Minute, 10 * time.Minute}
	for _, unit := range units {
		for _, times := range []time.Duration{1, 2, 5} {
			if whole <= 10*unit*times {
				return unit * times
			}
		}
	}
	return (whole / 10).Truncate(time.Hour) + time.Hour
}

// tickLabel is exact: ticks are round.
func tickLabel(at time.Duration) string {
	if at == 0 {
		return "0s"
	}
	label := at.String()
	if strings.HasSuffix(label, "m0s") {
		label = strings.TrimSuffix(label, "0s")
	}
	return label
}

// rounded is exact to a hundredth: the picture needs no more.
func rounded(x float64) float64 { return float64(int(x*100+0.5)) / 100 }
