// Package man renders man pages in the macros of man(7).
package man

import (
	"fmt"
	"strings"
)

// Page is a page of section 1.
type Page struct {
	Name     string // such as tkdeploy-up
	Version  string // such as "tkdeploy v1.2.3"
	Summary  string // one line without a full stop
	Synopsis string
	Text     string // paragraphs, separated by empty lines
	Sections []Section
}

// Section lists terms with their descriptions, or lines.
type Section struct {
	Title string
	Terms [][2]string
	Lines []string // literal, such as commands
}

// Render returns the source of the page. It has no date, so that equal pages of two
// builds are equal.
func (p Page) Render() string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"%s\" \"User Commands\"\n", escape(strings.ToUpper(p.Name)), escape(p.Version))
	b.WriteString(".nh\n.ad l\n") // no hyphens in flags and names
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", escape(p.Name), escape(p.Summary))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n%s\n", line(p.Synopsis))
	if p.Text != "" {
		b.WriteString(".SH DESCRIPTION\n")
		for i, paragraph := range strings.Split(p.Text, "\n\n") {
			if i > 0 {
				b.WriteString(".PP\n")
			}
			for text := range strings.SplitSeq(strings.TrimSpace(paragraph), "\n") {
				fmt.Fprintln(&b, line(text))
			}
		}
	}
	for _, s := range p.Sections {
		s.render(&b)
	}
	return b.String()
}

func (s Section) render(b *strings.Builder) {
	fmt.Fprintf(b, ".SH %s\n", escape(strings.ToUpper(s.Title)))
	for _, term := range s.Terms {
		fmt.Fprintf(b, ".TP\n\\fB%s\\fR\n%s\n", escape(term[0]), line(term[1]))
	}
	if len(s.Lines) == 0 {
		return
	}
	b.WriteString(".nf\n")
	for _, text := range s.Lines {
		fmt.Fprintln(b, line(text))
	}
	b.WriteString(".fi\n")
}

// line escapes a line of text, which must not begin with a control character.
func line(text string) string {
	text = escape(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		return `\&` + text
	}
	return text
}

// escape escapes what roff reads as commands, and the characters that its output
// devices replace with typographic ones.
func escape(text string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, `"`, `\(dq`).Replace(text)
}
