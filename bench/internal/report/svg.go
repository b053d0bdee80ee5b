package report

import (
	"fmt"
	"math"
	"strings"

	"tkdeploy.dev/tkdeploy/bench/internal/stats"
)

// Pixels, and the logarithmic scale from 1/64 to 2.
const (
	labelWidth = 170
	plotWidth  = 560
	rowHeight  = 20
	topHeight  = 40
	lowest     = -6 // log2
	highest    = 1
)

// SVG plots the time ratio of tkdeploy to hand with intervals.
func (r *Results) SVG() string {
	type point struct {
		label string
		ratio stats.Ratio
	}
	var points []point
	for _, w := range r.rows() {
		if ratio := r.ratio(w, Tkdeploy, Hand); ratio.Pairs > 0 {
			points = append(points, point{w.app + " " + w.scenario, ratio})
		}
	}
	width, bottom := labelWidth+plotWidth+70, topHeight+rowHeight*len(points)
	var text strings.Builder
	fmt.Fprintf(&text, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", width, bottom+30)
	fmt.Fprintf(&text, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	fmt.Fprintf(&text, `<text x="%d" y="16">time with tkdeploy ÷ time by hand, with 95 %% interval</text>`+"\n", labelWidth)
	for power := lowest; power <= highest; power++ {
		color := "#ddd"
		if power == 0 {
			color = "#555"
		}
		at := position(math.Exp2(float64(power)))
		fmt.Fprintf(&text, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="%s"/>`+"\n", at, topHeight-12, at, bottom, color)
		fmt.Fprintf(&text, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", at, bottom+18, fraction(power))
	}
	for i, p := range points {
		y := topHeight + rowHeight*i
		fmt.Fprintf(&text, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", labelWidth-10, y+4, p.label)
		if p.ratio.High > 0 {
			fmt.Fprintf(&text, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#1a66b3" stroke-width="3"/>`+"\n", position(p.ratio.Low), y, position(p.ratio.High), y)
		}
		fmt.Fprintf(&text, `<circle cx="%.1f" cy="%d" r="4" fill="#1a66b3"/>`+"\n", position(p.ratio.Median), y)
		fmt.Fprintf(&text, `<text x="%d" y="%d">%s</text>`+"\n", labelWidth+plotWidth+10, y+4, formatNumber(p.ratio.Median))
	}
	text.WriteString("</svg>\n")
	return text.String()
}

// position returns the x coordinate of a ratio, clamped to the scale.
func position(ratio float64) float64 {
	power := min(max(math.Log2(ratio), lowest), highest)
	return labelWidth + plotWidth*(power-lowest)/(highest-lowest)
}

func fraction(power int) string {
	if power < 0 {
		return fmt.Sprintf("1/%d", 1<<-power)
	}
	return fmt.Sprint(1 << power)
}
