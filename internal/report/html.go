package report

import (
	"bytes"
	_ "embed" // for the template
	"errors"
	"html/template"
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// HTMLOptions say where an HTML report goes and what is said of the run.
type HTMLOptions struct {
	Path    string             // see [PrepareHTML]
	Command string             // what was run: "tkdeploy up --env ci"
	Explain func(error) string // all that a person is told of an error
}

// HTML folds a run into a page for a person: how it ended, and a picture of its
// stages and items over time. The page is whole in itself: it asks for nothing
// from elsewhere and has no scripts.
type HTML struct {
	options HTMLOptions
	record
}

// NewHTML writes to options.Path when it is closed.
func NewHTML(options HTMLOptions) *HTML { return &HTML{options: options} }

//go:embed report.html.tmpl
var pageText string

// Close writes the page, as far as the run has come.
func (h *HTML) Close() error {
	t, err := template.New("report").Funcs(template.FuncMap{"class": class}).Parse(pageText)
	if err != nil {
		return htmlFile.cannotWrite(h.options.Path, err)
	}
	var text bytes.Buffer
	if err := t.Execute(&text, h.page()); err != nil {
		return htmlFile.cannotWrite(h.options.Path, err)
	}
	return htmlFile.write(h.options.Path, text.Bytes())
}

// A page is what the template shows.
type page struct {
	Command     string
	State       string // of the run
	Ended       bool
	Exit        int
	Began, Took string
	Recovery    string
	RolledBack  bool
	Diagnostics string
	Failure     string
	Warnings    []string
	Path, Rest  string
	Chart       chart
	Rows        []pageRow
}

// A pageRow is the picture's text, for whoever cannot see or hover.
type pageRow struct {
	Name, State, Start, Took, Cause, Said string
	Item                                  bool
}

func (h *HTML) page() page {
	p := page{
		Command: h.options.Command, State: orElse(string(h.finish.Outcome), "not ended"), Ended: h.finish.Kind != "",
		Exit: h.finish.Exit, Began: h.began.UTC().Format(time.RFC3339), Took: Duration(h.whole()),
		Recovery: clean(h.recovery), RolledBack: h.finish.RolledBack, Diagnostics: clean(h.finish.Diagnostics),
		Failure: clean(strings.TrimSpace(h.failure())), Chart: h.chart(),
	}
	path, rest := h.tellPath()
	p.Path, p.Rest = strings.Join(path, " → "), rest
	for _, s := range h.stages {
		for _, warning := range s.warnings {
			p.Warnings = append(p.Warnings, clean(warning))
		}
		if s.id == "" {
			continue
		}
		p.Rows = append(p.Rows, h.row(s))
		for _, i := range s.items {
			p.Rows = append(p.Rows, h.row(i))
		}
	}
	return p
}

func (h *HTML) row(s *span) pageRow {
	row := pageRow{Name: clean(s.name), State: s.state(), Cause: clean(s.cause), Said: s.said(), Item: s.of != nil}
	if !s.start.IsZero() {
		row.Start, row.Took = "+"+Duration(h.after(s.start)), Duration(h.length(s))
	}
	return row
}

// class is a state as a class of the page's style.
func class(state string) string { return strings.ReplaceAll(state, " ", "-") }

// failure is all that a person is told of what failed, the stages in their order.
func (h *HTML) failure() string {
	var errs []error
	for _, s := range h.stages {
		for _, e := range s.ends {
			if e.Outcome == event.Failed && e.Err != nil {
				errs = append(errs, e.Err)
			}
		}
	}
	if len(errs) == 0 {
		return ""
	}
	return h.options.Explain(errors.Join(errs...))
}
