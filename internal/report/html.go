package report

import (
	"bytes"
	"cmp"
	_ "embed"
	"errors"
	"html/template"
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// HTMLOptions configure an HTML report.
type HTMLOptions struct {
	Path    string             // see [PrepareHTML]
	Command string             // "tkdeploy up --env ci"
	Explain func(error) string // formats an error with its hints
}

// HTML writes a page with the result of a run and a timeline of its stages and
// items. The page loads no external resources and has no scripts.
type HTML struct {
	options HTMLOptions
	runTrace
}

// NewHTML returns a renderer that writes to options.Path when it is closed.
func NewHTML(options HTMLOptions) *HTML { return &HTML{options: options} }

//go:embed report.html.tmpl
var pageText string

// Close writes the page, even for an unfinished run.
func (h *HTML) Close() error {
	t, err := template.New("report").Funcs(template.FuncMap{"class": class}).Parse(pageText)
	if err != nil {
		return htmlFile.cannotWrite(h.options.Path, err)
	}
	var html bytes.Buffer
	if err := t.Execute(&html, h.page()); err != nil {
		return htmlFile.cannotWrite(h.options.Path, err)
	}
	return htmlFile.write(h.options.Path, html.Bytes())
}

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

type pageRow struct {
	Name, State, Start, Took, Reason, Message string
	Item                                      bool
}

func (h *HTML) page() page {
	p := page{
		Command: h.options.Command, State: cmp.Or(string(h.finish.Outcome), "not finished"), Ended: h.finish.Kind != "",
		Exit: h.finish.Exit, Began: h.began.UTC().Format(time.RFC3339), Took: text.Duration(h.duration()),
		Recovery: clean(h.recovery), RolledBack: h.finish.RolledBack, Diagnostics: clean(h.finish.Diagnostics),
		Failure: clean(strings.TrimSpace(h.failure())), Chart: h.chart(),
	}
	path, rest := h.formatPath()
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
	row := pageRow{Name: clean(s.name), State: s.state(), Reason: clean(s.reason), Message: s.messages(), Item: s.parent != nil}
	if !s.start.IsZero() {
		row.Start, row.Took = "+"+text.Duration(h.offset(s.start)), text.Duration(h.length(s))
	}
	return row
}

func class(state string) string { return strings.ReplaceAll(state, " ", "-") }

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
