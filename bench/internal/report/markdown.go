package report

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"tkdeploy.dev/tkdeploy/bench/internal/stats"
)

// The results stand between these lines of a document.
const (
	Begin = "<!-- bench: begin -->"
	End   = "<!-- bench: end -->"
)

// Insert puts text between the two lines of the document.
func Insert(path, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, begins := strings.Cut(string(old), Begin)
	_, after, ends := strings.Cut(rest, End)
	if !begins || !ends {
		return errors.New(path + " has no place for the results")
	}
	return os.WriteFile(path, []byte(before+Begin+"\n\n"+text+"\n"+End+after), 0o644)
}

// Markdown is the results as tables.
func (r *Results) Markdown() string {
	var text strings.Builder
	for _, line := range r.Machine {
		fmt.Fprintf(&text, "- %s: %s\n", line[0], line[1])
	}
	fmt.Fprintf(&text, "- order of the arms: random, seed %d\n\n", r.Seed)
	r.times(&text)
	r.lines(&text)
	r.counters(&text)
	r.problems(&text)
	return text.String()
}

func (r *Results) times(text *strings.Builder) {
	text.WriteString("Seconds are medians. Ratios are medians of pairs, with their 95 % interval.\n\n")
	text.WriteString("| app | scenario | hand | naive | tkdeploy | tkdeploy ÷ hand | tkdeploy again ÷ tkdeploy |\n|---|---|---|---|---|---|---|\n")
	for _, w := range r.rows() {
		fmt.Fprintf(text, "| %s | %s |", w.app, w.scenario)
		for _, arm := range []string{Hand, Naive, Tkdeploy} {
			if runs := r.timed(w, arm); len(runs) > 0 {
				fmt.Fprintf(text, " %s |", number(median(runs, seconds)))
			} else {
				text.WriteString(" |")
			}
		}
		fmt.Fprintf(text, " %s | %s |\n", ratioText(r.ratio(w, Tkdeploy, Hand)), ratioText(r.ratio(w, Again, Tkdeploy)))
	}
	text.WriteString("\n")
}

func ratioText(r stats.Ratio) string {
	switch {
	case r.Pairs == 0:
		return ""
	case r.High == 0:
		return fmt.Sprintf("%s (n=%d)", number(r.Median), r.Pairs)
	}
	return fmt.Sprintf("**%s** [%s, %s] (n=%d)", number(r.Median), number(r.Low), number(r.High), r.Pairs)
}

// number has two or three digits that matter.
func number(n float64) string {
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

// lines are the figures that take more than one row.
func (r *Results) lines(text *strings.Builder) {
	var cold []row
	for _, w := range r.rows() {
		if w.scenario == Cold {
			cold = append(cold, w)
		}
	}
	for _, w := range cold {
		cluster := median(r.timed(w, Hand), func(run Run) float64 { return run.Steps["cluster"] })
		pod := median(r.timed(w, Tkdeploy), func(run Run) float64 { return run.SlowestPod })
		mine := median(r.timed(w, Tkdeploy), seconds)
		if cluster > 0 && mine > 0 {
			fmt.Fprintf(text, "- %s, cold: a bare `kind create cluster` (%s s) and the slowest pod (%s s) are %s s; tkdeploy takes %s times that.\n",
				w.app, number(cluster), number(pod), number(cluster+pod), number(mine/(cluster+pod)))
		}
	}
	if few, many := (row{"svc5", Cold}), (row{"svc50", Cold}); len(r.timed(many, Hand))*len(r.timed(few, Hand))*len(r.timed(many, Tkdeploy))*len(r.timed(few, Tkdeploy)) > 0 {
		slope := func(arm string) float64 {
			return (median(r.timed(many, arm), seconds) - median(r.timed(few, arm), seconds)) / 45
		}
		fmt.Fprintf(text, "- Each service more, cold, from 5 to 50: by hand %s s, with tkdeploy %s s, that is %s of it.\n",
			number(slope(Hand)), number(slope(Tkdeploy)), number(slope(Tkdeploy)/slope(Hand)))
	}
	if len(r.Version) > 0 {
		fmt.Fprintf(text, "- `tkdeploy version`: %.0f ms (median of %d).\n", 1000*stats.Median(r.Version), len(r.Version))
	}
	text.WriteString("\n")
}

func (r *Results) counters(text *strings.Builder) {
	text.WriteString("What one run does. Counts are of the counted block; CPU seconds and memory are medians.\n\n")
	text.WriteString("| app | scenario | arm | MB sent to the node | ÷ new | engine calls | build requests | API requests | revisions | rolled | restarted | CPU s: client, engine, node | peak MB |\n")
	text.WriteString("|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, w := range r.rows() {
		for _, arm := range []string{Hand, Naive, Tkdeploy} {
			runs := r.of(w, arm)
			if len(runs) == 0 {
				continue
			}
			first := runs[0]
			for _, run := range runs {
				if run.Counted {
					first = run
					break
				}
			}
			factor := ""
			if first.NewBytes > 0 {
				factor = number(float64(first.SentBytes) / float64(first.NewBytes))
			}
			fmt.Fprintf(text, "| %s | %s | %s | %s | %s | %d | %d | %d | %d | %d | %d | %s, %s, %s | %.0f |\n",
				w.app, w.scenario, arm, number(float64(first.SentBytes)/1e6), factor, first.Calls, first.Builds, first.APIRequests,
				first.Revisions, first.Rolled, first.Restarted,
				number(median(runs, func(run Run) float64 { return run.ClientCPU })),
				number(median(runs, func(run Run) float64 { return run.EngineCPU })),
				number(median(runs, func(run Run) float64 { return run.NodeCPU })),
				median(runs, func(run Run) float64 { return float64(run.PeakBytes) / 1e6 }))
		}
	}
}

func (r *Results) problems(text *strings.Builder) {
	for _, run := range r.Runs {
		if run.Problem != "" {
			fmt.Fprintf(text, "\nNot counted: %s, %s, %s, block %d: %s\n", run.App, run.Scenario, run.Arm, run.Block, strings.ReplaceAll(run.Problem, "\n", "; "))
		}
	}
}
