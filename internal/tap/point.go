package tap

import (
	"strconv"
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// Step is one test point of a stream.
type Step struct {
	Name    string
	OK      bool   // also if skipped or todo
	Blocked string // why it does not count: skipped or todo
	Message string // from its YAML block
	Elapsed time.Duration
}

const maxName = 100 // bytes

// parsePoint parses "ok 1 - name" and "not ok 2 - name # TODO reason". Number,
// dash and name are optional.
func parsePoint(line string) (Step, bool) {
	rest, failed := strings.CutPrefix(line, "not ")
	rest, ok := strings.CutPrefix(rest, "ok")
	if !ok || rest != "" && rest[0] != ' ' {
		return Step{}, false
	}
	rest = strings.TrimLeft(rest, " ")
	if number, after, _ := strings.Cut(rest, " "); isNumber(number) {
		rest = strings.TrimLeft(after, " ")
	}
	if rest == "-" {
		rest = ""
	}
	name, directive := cutDirective(strings.TrimPrefix(rest, "- "))
	step := Step{Name: text.Printable(name, maxName), OK: !failed}
	kind, reason, _ := strings.Cut(directive, " ")
	reason, kind = text.Printable(reason, text.MaxMessage), strings.ToUpper(kind)
	switch {
	case strings.HasPrefix(kind, "SKIP"):
		step.OK, step.Blocked = true, withReason("skipped", reason)
	case kind == "TODO" && failed:
		step.OK, step.Blocked = true, withReason("todo", reason)
	}
	return step, true
}

func withReason(state, reason string) string {
	if reason == "" {
		return state
	}
	return state + ": " + reason
}

// cutDirective also unescapes the name.
func cutDirective(description string) (name, directive string) {
	var b strings.Builder
	for i := 0; i < len(description); i++ {
		switch c := description[i]; {
		case c == '\\' && i+1 < len(description) && (description[i+1] == '#' || description[i+1] == '\\'):
			i++
			b.WriteByte(description[i])
		case c == '#' && isDirective(description[i+1:]):
			return b.String(), strings.TrimSpace(description[i+1:])
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}

// isDirective distinguishes "# SKIP" from the "#" in "issue #4".
func isDirective(s string) bool {
	s = strings.ToUpper(strings.TrimLeft(s, " "))
	return strings.HasPrefix(s, "SKIP") || strings.HasPrefix(s, "TODO")
}

func isVersion(line string) bool {
	line = strings.TrimRight(line, " ")
	return line == "TAP version 14" || line == "TAP version 13"
}

// parsePlan parses "1..7" and "1..0 # SKIP reason".
func parsePlan(line string) (count int, ok bool) {
	plan, _, _ := strings.Cut(line, "#")
	digits, ok := strings.CutPrefix(strings.TrimRight(plan, " "), "1..")
	if !ok || !isNumber(digits) {
		return 0, false
	}
	count, err := strconv.Atoi(digits)
	return count, err == nil
}

// isNumber accepts only digits. Atoi also accepts signs.
func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
