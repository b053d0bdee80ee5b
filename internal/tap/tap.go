package tap

import (
	"fmt"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/text"
)

const (
	maxLine  = 16 << 10 // bytes of a line; the rest is dropped
	maxBlock = 32 << 10
)

// Parser reads a stream line by line. Lines before the version line and outside
// the protocol are log lines; so are subtests, whose result is the point that
// follows. Memory does not grow with the stream. The zero value is ready to use.
type Parser struct {
	started bool // after the version line
	plan    int
	planned bool
	count   int
	failed  bool
	bailed  bool
	reason  string

	last       Step
	pending    bool // last is not returned yet
	afterPoint bool // a YAML block may follow
	block      *strings.Builder
	indent     string
}

// Line reads the next line. It returns a step when the step is complete: at the
// end of its YAML block, or at the next line. log is true if the line is not TAP.
func (p *Parser) Line(line string) (steps []Step, log bool) {
	line = strings.TrimSuffix(line[:min(len(line), maxLine)], "\r")
	afterPoint := p.afterPoint
	p.afterPoint = false
	switch {
	case !p.started:
		p.started = isVersion(line)
		return nil, !p.started
	case p.block != nil && p.inBlock(line):
		return p.Flush(), false
	case afterPoint && strings.HasPrefix(line, "  ") && strings.TrimSpace(line) == "---":
		p.block, p.indent = &strings.Builder{}, line[:len(line)-len(strings.TrimLeft(line, " "))]
		return nil, false
	}
	steps = p.Flush()
	if p.statement(line) {
		return steps, false
	}
	if afterPoint && len(steps) > 0 { // standard error may come between a step and its block
		p.pending, p.afterPoint = true, true
		return nil, true
	}
	return steps, true
}

// Flush returns the newest step, unless its YAML block has begun.
func (p *Parser) Flush() []Step {
	if !p.pending || p.block != nil {
		return nil
	}
	p.pending = false
	return []Step{p.last}
}

// End returns the newest step, even if its YAML block is not terminated.
func (p *Parser) End() []Step {
	if p.block != nil {
		p.closeBlock()
	}
	return p.Flush()
}

// Last returns the newest step, which may lack its YAML block.
func (p *Parser) Last() Step { return p.last }

// Count returns the number of steps read.
func (p *Parser) Count() int { return p.count }

// Passed reports whether all planned steps were read and none failed.
func (p *Parser) Passed() bool {
	return p.started && p.Problem() == "" && !p.failed
}

// Problem describes what is wrong with the whole stream, or returns "" if the
// stream is complete or the log contains no TAP.
func (p *Parser) Problem() string {
	switch {
	case !p.started:
		return ""
	case p.bailed && p.reason == "":
		return "bailed out"
	case p.bailed:
		return "bailed out: " + p.reason
	case !p.planned:
		return "no plan (1..N), so steps may be missing"
	case p.count < p.plan && p.count == 0:
		return fmt.Sprintf("ended before the first of %s", text.Plural(p.plan, "step"))
	case p.count < p.plan:
		return fmt.Sprintf("ended after %d of %s, last step %q", p.count, text.Plural(p.plan, "step"), p.last.Name)
	case p.count > p.plan:
		return fmt.Sprintf("ran %s but planned %d", text.Plural(p.count, "step"), p.plan)
	}
	return ""
}

// statement returns false for a log line.
func (p *Parser) statement(line string) bool {
	if step, ok := parsePoint(line); ok && !p.bailed {
		p.count++
		p.failed = p.failed || !step.OK
		if step.Name == "" {
			step.Name = fmt.Sprintf("step %d", p.count)
		}
		p.last, p.pending, p.afterPoint = step, true, true
		return true
	}
	if plan, ok := parsePlan(line); ok {
		if !p.planned {
			p.plan, p.planned = plan, true
		}
		return true
	}
	if reason, ok := strings.CutPrefix(line, "Bail out!"); ok {
		if !p.bailed {
			p.bailed, p.reason = true, text.Printable(reason, text.MaxMessage)
		}
		return true
	}
	return isVersion(line) || strings.HasPrefix(line, "pragma ") || strings.TrimSpace(line) == ""
}
