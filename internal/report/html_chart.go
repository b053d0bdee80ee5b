package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// Dimensions in SVG user units. The names are left of the plot; the margin on the
// right has room for the durations of the last bars.
const (
	chartWidth = 1000
	plotLeft   = 250
	plotWidth  = 670
	rowHeight  = 20
	barHeight  = 14
	axisHeight = 24
	labelRunes = 36 // longest name that fits left of the plot
	minBar     = 2
)

// chart is a Gantt chart of the stages and items.
type chart struct {
	Width, Height, RowHeight, BarHeight int
	Ticks                               []tick
	Bars                                []bar
}

type tick struct {
	X     float64
	Label string
}

// bar is a row of the chart. X and Y are left and upper edges; TextY is a baseline.
// Width is 0 if the span did not start.
type bar struct {
	Class, Title   string // Title is the tooltip
	RowY, Y, TextY int
	Name           string
	NameX          int
	X, Width       float64
	Took           string
	TookX          float64
}

func (h *HTML) chart() chart {
	c := chart{Width: chartWidth, RowHeight: rowHeight, BarHeight: barHeight}
	path := h.criticalPath()
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
	for at, step := time.Duration(0), tickStep(h.duration()); at <= h.duration(); at += step {
		c.Ticks = append(c.Ticks, tick{X: h.x(at), Label: tickLabel(at)})
	}
	return c
}

func (h *HTML) x(at time.Duration) float64 {
	if h.duration() <= 0 {
		return plotLeft
	}
	return rounded(plotLeft + plotWidth*min(float64(at)/float64(h.duration()), 1))
}

func (h *HTML) bar(s *span, n int, critical bool) bar {
	y := axisHeight + n*rowHeight
	b := bar{
		Class: class(s.state()), Title: h.title(s), RowY: y, Y: y + (rowHeight-barHeight)/2, TextY: y + rowHeight - 6,
		Name: shorten(clean(s.name), labelRunes), NameX: 2,
	}
	switch {
	case s.parent != nil:
		b.Class, b.NameX = b.Class+" item", 16
	case critical:
		b.Class += " critical"
	}
	if s.start.IsZero() {
		b.Took, b.TookX = s.state(), plotLeft+4
		return b
	}
	b.X = h.x(h.offset(s.start))
	b.Width = rounded(max(h.x(h.offset(h.endOf(s)))-b.X, minBar))
	b.Took, b.TookX = text.Duration(h.length(s)), rounded(b.X+b.Width+4)
	return b
}

func (h *HTML) title(s *span) string {
	title := clean(s.name) + ": " + s.state()
	if !s.start.IsZero() {
		from := h.offset(s.start)
		title += fmt.Sprintf(", %s from +%s to +%s", text.Duration(h.length(s)), text.Duration(from), text.Duration(from+h.length(s)))
	}
	if s.reason != "" {
		title += "\nreason: " + clean(s.reason)
	}
	if messages := s.messages(); messages != "" {
		title += "\n" + messages
	}
	return title
}

// tickStep returns a round duration that divides whole into at most ten steps.
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

func rounded(x float64) float64 { return float64(int(x*100+0.5)) / 100 }
