package verify

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// A step is one test point of a TAP stream.
type step struct {
	name    string
	ok      bool   // also of a point that does not count: one skipped or still to do
	blocked string // why it does not count, in words
	message string // of its YAML block
	elapsed time.Duration
}

const (
	maxLine  = 16 << 10 // bytes of a line that are read; the rest is dropped
	maxBlock = 32 << 10 // bytes of a YAML block
	inName   = 100      // bytes of a step's name that are shown
	inText   = 500      // bytes of a message that are shown
)

// A tap reads the Test Anything Protocol, version 13 or 14 (testanything.org),
// out of a log, line by line. Before the version line, and where a line is none
// of the protocol's, the log is just a log. Subtests are such lines too: the
// point that follows them tells of them. It keeps nothing that grows with the
// stream.
type tap struct {
	on      bool // a version line came
	plan    int  // how many points are promised, if planned
	planned bool
	came    int
	failed  bool // one of them did
	bailed  bool
	reason  string // of the Bail out!

	last   step // the newest point
	waits  bool // last is not told yet
	fresh  bool // last was the line before: its YAML block may follow
	block  *strings.Builder
	indent string // of the YAML block
}

// line takes the next line of the log. A point is told when it is known to be
// whole: at the end of its YAML block, or at the next line. log says that the
// line is none of the protocol's.
func (t *tap) line(line string) (told []step, log bool) {
	line = strings.TrimSuffix(line[:min(len(line), maxLine)], "\r")
	fresh := t.fresh
	t.fresh = false
	switch {
	case !t.on:
		t.on = isVersion(line)
		return nil, !t.on
	case t.block != nil && t.inBlock(line):
		return t.flush(), false
	case fresh && strings.HasPrefix(line, "  ") && strings.TrimSpace(line) == "---":
		t.block, t.indent = &strings.Builder{}, line[:len(line)-len(strings.TrimLeft(line, " "))]
		return nil, false
	}
	told = t.flush()
	return told, !t.statement(line)
}

// flush tells the newest point even if its YAML block may still follow.
func (t *tap) flush() []step {
	if !t.waits || t.block != nil {
		return nil
	}
	t.waits = false
	return []step{t.last}
}

// end tells the newest point, however its YAML block looks.
func (t *tap) end() []step {
	if t.block != nil {
		t.closeBlock()
	}
	return t.flush()
}

// statement reads a line outside of a YAML block; false is a line that is none
// of the protocol's.
func (t *tap) statement(line string) bool {
	if point, ok := parsePoint(line); ok && !t.bailed {
		t.came++
		t.failed = t.failed || !point.ok
		if point.name == "" {
			point.name = fmt.Sprintf("step %d", t.came)
		}
		t.last, t.waits, t.fresh = point, true, true
		return true
	}
	if plan, ok := parsePlan(line); ok {
		if !t.planned {
			t.plan, t.planned = plan, true
		}
		return true
	}
	if reason, ok := strings.CutPrefix(line, "Bail out!"); ok {
		if !t.bailed {
			t.bailed, t.reason = true, probe.OneLine([]byte(reason), inText)
		}
		return true
	}
	return isVersion(line) || strings.HasPrefix(line, "pragma ") || strings.TrimSpace(line) == ""
}

// problem is what is wrong with the stream as a whole, or "".
func (t *tap) problem() string {
	switch {
	case !t.on:
		return ""
	case t.bailed && t.reason == "":
		return "it bailed out"
	case t.bailed:
		return "it bailed out: " + t.reason
	case !t.planned:
		return "its plan (1..N) is missing, so that it is unknown whether every step came"
	case t.came < t.plan && t.came == 0:
		return fmt.Sprintf("it ended before the first of %d steps", t.plan)
	case t.came < t.plan:
		return fmt.Sprintf("it ended after %d of %d steps, the last was %q", t.came, t.plan, t.last.name)
	case t.came > t.plan:
		return fmt.Sprintf("%d steps came, although it planned %d", t.came, t.plan)
	}
	return ""
}

// passed says that all points that were planned came, and none failed.
func (t *tap) passed() bool {
	return t.on && t.problem() == "" && !t.failed
}

func isVersion(line string) bool {
	line = strings.TrimRight(line, " ")
	return line == "TAP version 14" || line == "TAP version 13"
}

// parsePlan reads "1..7"; "1..0 # SKIP reason" plans nothing.
func parsePlan(line string) (count int, ok bool) {
	text, _, _ := strings.Cut(line, "#")
	digits, ok := strings.CutPrefix(strings.TrimRight(text, " "), "1..")
	if !ok || !isNumber(digits) {
		return 0, false
	}
	count, err := strconv.Atoi(digits)
	return count, err == nil
}

// isNumber tells digits from what Atoi takes beside them: signs.
func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// parsePoint reads "ok 1 - name" and "not ok 2 - name # TODO reason". Number,
// dash and name may be missing. Numbers are not looked at: points are counted.
func parsePoint(line string) (step, bool) {
	rest, bad := strings.CutPrefix(line, "not ")
	rest, ok := strings.CutPrefix(rest, "ok")
	if !ok || rest != "" && rest[0] != ' ' {
		return step{}, false
	}
	rest = strings.TrimLeft(rest, " ")
	if number, after, _ := strings.Cut(rest, " "); isNumber(number) {
		rest = strings.TrimLeft(after, " ")
	}
	if rest == "-" {
		rest = ""
	}
	name, directive := cutDirective(strings.TrimPrefix(rest, "- "))
	point := step{name: probe.OneLine([]byte(name), inName), ok: !bad}
	word, reason, _ := strings.Cut(directive, " ")
	reason, word = probe.OneLine([]byte(reason), inText), strings.ToUpper(word)
	switch {
	case strings.HasPrefix(word, "SKIP"):
		point.ok, point.blocked = true, withReason("skipped", reason)
	case word == "TODO" && bad:
		point.ok, point.blocked = true, withReason("still to do", reason)
	}
	return point, true
}

func withReason(what, reason string) string {
	if reason == "" {
		return what
	}
	return what + ": " + reason
}

// cutDirective splits a description at its first unescaped "#" and undoes the
// escapes.
func cutDirective(text string) (name, directive string) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && (text[i+1] == '#' || text[i+1] == '\\'):
			i++
			b.WriteByte(text[i])
		case c == '#' && isDirective(text[i+1:]):
			return b.String(), strings.TrimSpace(text[i+1:])
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}

// isDirective tells "# SKIP" from the "#" of a name such as "issue #4".
func isDirective(text string) bool {
	word := strings.ToUpper(strings.TrimLeft(text, " "))
	return strings.HasPrefix(word, "SKIP") || strings.HasPrefix(word, "TODO")
}
