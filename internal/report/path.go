package report

import (
	"fmt"
	"strings"
	"time"
)

// critical is the chain of stages that made the run as long as it was: the one
// that ended last, before it the one of its needs that let it begin last, and so
// on. A recovery waits for all that it takes back.
func (r *record) critical() []*span {
	var path []*span
	for s := r.latest(nil, func(*span) bool { return true }); s != nil; s = r.latest(s, r.before(s)) {
		path = append([]*span{s}, path...)
	}
	return path
}

// before tells the stages that a stage waited for.
func (r *record) before(s *span) func(*span) bool {
	return func(other *span) bool {
		for _, need := range s.needs {
			if other.id == need {
				return true
			}
		}
		return len(s.needs) == 0 && s.back && !other.back
	}
}

// latest is that of the stages wanted that let next begin, or the run end, last.
// Of several the last one is it, which is behind the others in the plan.
func (r *record) latest(next *span, wanted func(*span) bool) *span {
	var latest *span
	for _, s := range r.begun() {
		if wanted(s) && (latest == nil || !r.letGo(s, next).Before(r.letGo(latest, next))) {
			latest = s
		}
	}
	return latest
}

// letGo is when s let next begin: when it ended or, if it still ran then, when
// it reached the milestone before.
func (r *record) letGo(s, next *span) time.Time {
	at := r.until(s)
	if next == nil || !at.After(next.start) {
		return at
	}
	for _, reached := range s.reached {
		if !reached.After(next.start) {
			at = reached
		}
	}
	return at
}

// tellPath says the critical path in words, with each stage's share of the run,
// and what of the run was outside of it.
func (r *record) tellPath() (parts []string, rest string) {
	left := r.whole()
	path := r.critical()
	for i, s := range path {
		took := r.length(s)
		if i+1 < len(path) {
			took = r.letGo(s, path[i+1]).Sub(s.start)
		}
		left -= took
		parts = append(parts, s.name+" "+Duration(took)+r.share(took))
	}
	if share := r.share(left); left >= noticeable && share != "" {
		rest = "outside of the stages: " + Duration(left) + share
	}
	return parts, rest
}

// share is a part of the run in percent, or "" for less than one.
func (r *record) share(d time.Duration) string {
	if r.whole() <= 0 || d*100 < r.whole() {
		return ""
	}
	return fmt.Sprintf(" (%d%%)", min((d*100+r.whole()/2)/r.whole(), 100))
}

// wrap joins parts to lines of at most width characters, where a part is not
// longer itself. Every line but the first is indented.
func wrap(first string, parts []string, between string, width int) []string {
	lines, line := []string{}, first
	for i, part := range parts {
		if i > 0 {
			part = between + part
		}
		if i > 0 && length(line)+length(part) > width {
			lines, line = append(lines, line), strings.Repeat(" ", 4)+strings.TrimLeft(part, " ")
			continue
		}
		line += part
	}
	return append(lines, line)
}

func length(s string) int { return len([]rune(s)) }
