package verify

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// told reads a whole log and gives what it told, as text.
func told(log string) (steps []string, rest []string, problem string) {
	var t tap
	tell := func(all []step) {
		for _, s := range all {
			text := fmt.Sprintf("%t %s", s.ok, s.name)
			for _, part := range []string{s.blocked, s.message} {
				if part != "" {
					text += " | " + part
				}
			}
			if s.elapsed > 0 {
				text += fmt.Sprintf(" | %v", s.elapsed)
			}
			steps = append(steps, text)
		}
	}
	for _, line := range strings.Split(strings.TrimSuffix(log, "\n"), "\n") {
		points, isLog := t.line(line)
		tell(points)
		if isLog {
			rest = append(rest, line)
		}
	}
	tell(t.end())
	return steps, rest, t.problem()
}

const journeyLog = `starting the journey
TAP version 14
1..4
ok 1 - register two accounts
  ---
  duration_ms: 12.345
  ...
ok 2 - post a video
  ---
  duration_ms: 3
  message: "video 7"
  ...
retrying once
not ok 3 - feed from the database
  ---
  duration_ms: 2001
  message: "GET http://api-gateway:4000/api/v1/feed: 500 {\"error\":\"no database\"}"
  ...
ok 4 - like # SKIP needs "feed from the database"
`

func TestTAPIsReadOutOfALog(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		log, steps, rest, problem string
	}{
		"a journey": {
			log: journeyLog,
			steps: "true register two accounts | 12.345ms\n" +
				"true post a video | video 7 | 3ms\n" +
				`false feed from the database | GET http://api-gateway:4000/api/v1/feed: 500 {"error":"no database"} | 2.001s` + "\n" +
				`true like | skipped: needs "feed from the database"`,
			rest: "starting the journey\nretrying once",
		},
		"a log without a version is a log": {
			log: "1..1\nok 1 - all well", rest: "1..1\nok 1 - all well",
		},
		"points without number, dash or name, and lines of Windows": {
			log:   "TAP version 13\r\nok\r\nnot ok\r\nok 3\r\nok 4 four\r\nok five\r\nok - 6 six\r\n1..6\r\n",
			steps: "true step 1\nfalse step 2\ntrue step 3\ntrue four\ntrue five\ntrue 6 six",
		},
		"directives and escapes": {
			log: "TAP version 14\n1..5\nok 1 - a # skip\nnot ok 2 - b # TODO later\nok 3 - c # todo\nok 4 - issue #4 \\# SKIP \\\\\nnot ok 5 - e # SKIP no wind",
			steps: "true a | skipped\ntrue b | still to do: later\ntrue c\n" +
				"true issue #4 # SKIP \\\ntrue e | skipped: no wind",
		},
		"a message of several lines": {
			log:   "TAP version 14\n1..1\nnot ok 1 - a\n  ---\n  message: |\n    one\n\n    two\n  ...\n",
			steps: "false a | one two",
		},
		"a block that is no YAML, and one that does not end": {
			log:   "TAP version 14\n1..2\nnot ok 1 - a\n  ---\n  : [\n  ...\nok 2 - b\n  ---\n  duration_ms: 4",
			steps: "false a\ntrue b | 4ms",
		},
		"a block that breaks off": {
			log:   "TAP version 14\n1..2\nnot ok 1 - a\n  ---\n  message: oh\nok 2 - b",
			steps: "false a | oh\ntrue b",
		},
		"times that are none": {
			log:   "TAP version 14\n1..3\nok 1 - a\n  ---\n  duration_ms: NaN\n  ...\nok 2 - b\n  ---\n  duration_ms: -1\n  ...\nok 3 - c\n  ---\n  duration_ms: [1]\n  ...",
			steps: "true a\ntrue b\ntrue c",
		},
		"subtests are told by the point that follows them": {
			log:   "TAP version 14\n1..1\n# Subtest: all\n    ok 1 - x\n    not ok 2 - y\n    1..2\nnot ok 1 - all",
			steps: "false all", rest: "# Subtest: all\n    ok 1 - x\n    not ok 2 - y\n    1..2",
		},
		"words that only begin like points": {
			log:  "TAP version 14\n1..0 # SKIP nothing to do\nokay\nnot okay\nokay then 3\n1..x\n1..+1\n1..",
			rest: "okay\nnot okay\nokay then 3\n1..x\n1..+1\n1..",
		},
		"a plan that promises more": {
			log:   "TAP version 14\n1..7\nok 1 - a\nok 2 - b\n",
			steps: "true a\ntrue b", problem: `it ended after 2 of 7 steps, the last was "b"`,
		},
		"a plan and nothing more": {
			log: "TAP version 14\n1..7\n", problem: "it ended before the first of 7 steps",
		},
		"a plan that promises less": {
			log: "TAP version 14\n1..1\nok\nok\n", steps: "true step 1\ntrue step 2", problem: "2 steps came, although it planned 1",
		},
		"no plan": {
			log: "TAP version 14\nok 1 - a\n", steps: "true a", problem: "its plan (1..N) is missing, so that it is unknown whether every step came",
		},
		"a bail-out ends it": {
			log:   "TAP version 14\n1..3\nok 1 - a\nBail out! no database\nok 2 - b\n",
			steps: "true a", rest: "ok 2 - b", problem: "it bailed out: no database",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			steps, rest, problem := told(test.log)
			if got := strings.Join(steps, "\n"); got != test.steps {
				t.Errorf("steps\n%s\nwant\n%s", got, test.steps)
			}
			if got := strings.ReplaceAll(strings.Join(rest, "\n"), "\r", ""); got != test.rest {
				t.Errorf("log\n%s\nwant\n%s", got, test.rest)
			}
			if problem != test.problem {
				t.Errorf("problem %q, want %q", problem, test.problem)
			}
		})
	}
}

// FuzzTAP looks for input that panics, is told as more than it is, or makes the
// reader keep more than it may.
func FuzzTAP(f *testing.F) {
	f.Add(journeyLog)
	f.Add("TAP version 14\n1..1\nok 1 - a\n  ---\n  message: &a [*a]\n  ...\n")
	f.Add("TAP version 14\nok 1 - \\# \\\\ #SKIP\n      ---\n      x\n    y\nBail out!")
	f.Add("TAP version 14\n1..99999999999999999999\nok 99999999999999999999\n")
	f.Fuzz(func(t *testing.T, log string) {
		var reader tap
		points := 0
		check := func(steps []step) {
			for _, s := range steps {
				points++
				if len(s.name) > inName+len("step 18446744073709551615") || len(s.message) > inText || len(s.blocked) > inText+20 {
					t.Errorf("too long: %+v", s)
				}
				if s.elapsed < 0 || s.elapsed > 24*time.Hour || s.name == "" {
					t.Errorf("impossible: %+v", s)
				}
			}
		}
		for line := range strings.SplitSeq(log, "\n") {
			steps, _ := reader.line(line)
			check(steps)
			if reader.block != nil && reader.block.Len() > maxBlock {
				t.Errorf("a block of %d bytes is kept", reader.block.Len())
			}
		}
		check(reader.end())
		if points != reader.came {
			t.Errorf("%d points came, %d were told", reader.came, points)
		}
		if reader.problem() == "" && reader.on && reader.came != reader.plan {
			t.Errorf("planned %d, came %d, and no problem", reader.plan, reader.came)
		}
	})
}
