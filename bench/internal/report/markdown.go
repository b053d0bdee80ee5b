package report

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"tkdeploy.dev/tkdeploy/bench/internal/stats"
)

// BeginMarker and EndMarker enclose the results in a document.
const (
	BeginMarker = "<!-- bench: begin -->"
	EndMarker   = "<!-- bench: end -->"
)

// Insert replaces the text between the markers of the document at path.
func Insert(path, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, begins := strings.Cut(string(old), BeginMarker)
	_, after, ends := strings.Cut(rest, EndMarker)
	if !begins || !ends {
		return errors.New(path + ": marker for the results not found")
	}
	return os.WriteFile(path, []byte(before+BeginMarker+"\n\n"+text+"\n"+EndMarker+after), 0o644)
}

// Markdown returns the times and ratios as tables.
func (r *Results) Markdown() string {
	var text strings.Builder
	for _, line := range r.Machine {
		fmt.Fprintf(&text, "- %s: %s\n", line[0], line[1])
	}
	fmt.Fprintf(&text, "- order of arms: random, seed %d\n\n", r.Seed)
	r.timeTable(&text)
	r.lowerBounds(&text)
	r.summary(&text)
	r.problems(&text)
	return text.String()
}

func (r *Results) timeTable(text *strings.Builder) {
	text.WriteString("Times are medians in seconds. Ratios are medians of pairs with their 95 % interval.\n\n")
	text.WriteString("| app | scenario | hand | naive | tkdeploy | tkdeploy ÷ hand | tkdeploy again ÷ tkdeploy |\n|---|---|---|---|---|---|---|\n")
	for _, w := range r.rows() {
		fmt.Fprintf(text, "| %s | %s |", w.app, w.scenario)
		for _, arm := range []string{Hand, Naive, Tkdeploy} {
			if runs := r.timedRuns(w, arm); len(runs) > 0 {
				fmt.Fprintf(text, " %s |", formatNumber(median(runs, seconds)))
			} else {
				text.WriteString(" |")
			}
		}
		fmt.Fprintf(text, " %s | %s |\n", formatRatio(r.ratio(w, Tkdeploy, Hand)), formatRatio(r.ratio(w, Again, Tkdeploy)))
	}
	text.WriteString("\n")
}

func formatRatio(r stats.Ratio) string {
	switch {
	case r.Pairs == 0:
		return ""
	case r.High == 0:
		return fmt.Sprintf("%s (n=%d)", formatNumber(r.Median), r.Pairs)
	}
	return fmt.Sprintf("**%s** [%s, %s] (n=%d)", formatNumber(r.Median), formatNumber(r.Low), formatNumber(r.High), r.Pairs)
}

// formatNumber prints about three significant digits.
func formatNumber(n float64) string {
	switch {
	case n >= 100:
		return strconv.FormatFloat(n, 'f', 0, 64)
	case n >= 10:
		return strconv.FormatFloat(n, 'f', 1, 64)
	case n >= 1:
		return strconv.FormatFloat(n, 'f', 2, 64)
	}
	return strconv.FormatFloat(n, 'f', 3, 64)
}

// lowerBounds compares cold runs with a bare cluster and the slowest pod.
func (r *Results) lowerBounds(text *strings.Builder) {
	var lines []string
	for _, w := range r.rows() {
		if w.scenario != Cold {
			continue
		}
		cluster := median(r.timedRuns(w, Hand), func(run Run) float64 { return run.Steps["cluster"] })
		pod := median(r.timedRuns(w, Tkdeploy), func(run Run) float64 { return run.SlowestPod })
		total := median(r.timedRuns(w, Tkdeploy), seconds)
		if cluster > 0 && total > 0 {
			lines = append(lines, fmt.Sprintf("| %s | %s | %s | %s | %s |\n",
				w.app, formatNumber(cluster), formatNumber(pod), formatNumber(cluster+pod), formatNumber(total/(cluster+pod))))
		}
	}
	if len(lines) == 0 {
		return
	}
	text.WriteString("Lower bound of a cold run: a bare `kind create cluster` plus the slowest pod, in seconds.\n\n")
	text.WriteString("| app | cluster | pod | sum | tkdeploy ÷ sum |\n|---|---|---|---|---|\n")
	text.WriteString(strings.Join(lines, "") + "\n")
}

func (r *Results) summary(text *strings.Builder) {
	few, many := row{"svc5", Cold}, row{"svc50", Cold}
	if len(r.timedRuns(many, Hand))*len(r.timedRuns(few, Hand))*len(r.timedRuns(many, Tkdeploy))*len(r.timedRuns(few, Tkdeploy)) > 0 {
		slope := func(arm string) float64 {
			return (median(r.timedRuns(many, arm), seconds) - median(r.timedRuns(few, arm), seconds)) / 45
		}
		fmt.Fprintf(text, "- Each additional service, cold, from 5 to 50: %s s by hand, %s s with tkdeploy, ratio %s.\n",
			formatNumber(slope(Hand)), formatNumber(slope(Tkdeploy)), formatNumber(slope(Tkdeploy)/slope(Hand)))
	}
	if len(r.Version) > 0 {
		fmt.Fprintf(text, "- `tkdeploy version`: %.0f ms (median of %d).\n", 1000*stats.Median(r.Version), len(r.Version))
	}
}

// Counters returns the counters as a Markdown table.
func (r *Results) Counters() string {
	var text strings.Builder
	text.WriteString("Counts are from the counted block. CPU seconds and memory are medians.\n\n")
	text.WriteString("| app | scenario | arm | MB sent to the node | ÷ new | engine calls | build requests | API requests | revisions | rolled | restarted | CPU s: client, engine, node | peak MB |\n")
	text.WriteString("|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, w := range r.rows() {
		for _, arm := range []string{Hand, Naive, Tkdeploy} {
			if runs := r.validRuns(w, arm); len(runs) > 0 {
				writeCounters(&text, w, arm, runs)
			}
		}
	}
	return text.String()
}

func writeCounters(text *strings.Builder, w row, arm string, runs []Run) {
	first := runs[0]
	if i := slices.IndexFunc(runs, func(run Run) bool { return run.Counted }); i >= 0 {
		first = runs[i]
	}
	factor := ""
	if first.NewBytes > 0 {
		factor = formatNumber(float64(first.SentBytes) / float64(first.NewBytes))
	}
	fmt.Fprintf(text, "| %s | %s | %s | %s | %s | %d | %d | %d | %d | %d | %d | %s, %s, %s | %.0f |\n",
		w.app, w.scenario, arm, formatNumber(float64(first.SentBytes)/1e6), factor, first.Calls, first.Builds, first.APIRequests,
		first.Revisions, first.Rolled, first.Restarted,
		formatNumber(median(runs, func(run Run) float64 { return run.ClientCPU })),
		formatNumber(median(runs, func(run Run) float64 { return run.EngineCPU })),
		formatNumber(median(runs, func(run Run) float64 { return run.NodeCPU })),
		median(runs, func(run Run) float64 { return float64(run.PeakBytes) / 1e6 }))
}

func (r *Results) problems(text *strings.Builder) {
	for _, run := range r.Runs {
		if run.Problem != "" {
			fmt.Fprintf(text, "\nNot counted: %s, %s, %s, block %d: %s\n", run.App, run.Scenario, run.Arm, run.Block, strings.ReplaceAll(run.Problem, "\n", "; "))
		}
	}
}
