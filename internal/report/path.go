package report

import (
	"fmt"
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// criticalPath returns the chain of stages that determined the run's duration: the
// stage that ended last, the prerequisite that unblocked it last, and so on. A
// rollback follows all stages of the failed run.
func (r *runTrace) criticalPath() []*span {
	var path []*span
	for s := r.latest(nil, func(*span) bool { return true }); s != nil; s = r.latest(s, r.isPrerequisite(s)) {
		path = append([]*span{s}, path...)
	}
	return path
}

func (r *runTrace) isPrerequisite(s *span) func(*span) bool {
	return func(other *span) bool {
		for _, need := range s.needs {
			if other.id == need {
				return true
			}
		}
		return len(s.needs) == 0 && s.recovery && !other.recovery
	}
}

// latest returns the matching stage that was last to unblock next or, if next is
// nil, last to end. Ties go to the later stage of the plan.
func (r *runTrace) latest(next *span, match func(*span) bool) *span {
	var latest *span
	for _, s := range r.started() {
		if match(s) && (latest == nil || !r.unblockedAt(s, next).Before(r.unblockedAt(latest, next))) {
			latest = s
		}
	}
	return latest
}

// unblockedAt returns when s unblocked next: at its end or, if it ended later, at
// its last milestone before the start of next.
func (r *runTrace) unblockedAt(s, next *span) time.Time {
	at := r.endOf(s)
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

// formatPath returns the critical path with each stage's share of the run, and the
// time outside the stages.
func (r *runTrace) formatPath() (parts []string, rest string) {
	left := r.duration()
	path := r.criticalPath()
	for i, s := range path {
		took := r.length(s)
		if i+1 < len(path) {
			took = r.unblockedAt(s, path[i+1]).Sub(s.start)
		}
		left -= took
		parts = append(parts, s.name+" "+text.Duration(took)+r.share(took))
	}
	if share := r.share(left); left >= noticeable && share != "" {
		rest = "outside the stages: " + text.Duration(left) + share
	}
	return parts, rest
}

// share returns d as a percentage of the run, or "" below one percent.
func (r *runTrace) share(d time.Duration) string {
	whole := r.duration()
	if whole <= 0 || d*100 < whole {
		return ""
	}
	return fmt.Sprintf(" (%d%%)", min((d*100+whole/2)/whole, 100))
}

// wrap joins first and the parts into lines of at most width columns, if each
// part fits.
func wrap(first string, parts []string, separator string, width int) []string {
	lines, line := []string{}, first
	for i, part := range parts {
		if i > 0 {
			part = separator + part
		}
		if i > 0 && cells(line)+cells(part) > width {
			lines, line = append(lines, line), "    "+strings.TrimLeft(part, " ")
			continue
		}
		line += part
	}
	return append(lines, line)
}
