package tap

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/text"
)

func parse(log string) (steps []string, rest []string, problem string) {
	var p Parser
	add := func(points []Step) {
		for _, s := range points {
			line := fmt.Sprintf("%t %s", s.OK, s.Name)
			for _, part := range []string{s.Blocked, s.Message} {
				if part != "" {
					line += " | " + part
				}
			}
			if s.Elapsed > 0 {
				line += fmt.Sprintf(" | %v", s.Elapsed)
			}
			steps = append(steps, line)
		}
	}
	for _, line := range strings.Split(strings.TrimSuffix(log, "\n"), "\n") {
		points, isLog := p.Line(line)
		add(points)
		if isLog {
			rest = append(rest, line)
		}
	}
	add(p.End())
	return steps, rest, p.Problem()
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

func TestParser(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		log, steps, rest, problem string
	}{
		"reads steps, blocks and log lines": {
			log: journeyLog,
			steps: "true register two accounts | 12.345ms\n" +
				"true post a video | video 7 | 3ms\n" +
				`false feed from the database | GET http://api-gateway:4000/api/v1/feed: 500 {"error":"no database"} | 2.001s` + "\n" +
				`true like | skipped: needs "feed from the database"`,
			rest: "starting the journey\nretrying once",
		},
		"finds no steps without a version line": {
			log: "1..1\nok 1 - all well", rest: "1..1\nok 1 - all well",
		},
		"accepts points without number, dash or name": {
			log:   "TAP version 13\r\nok\r\nnot ok\r\nok 3\r\nok 4 four\r\nok five\r\nok - 6 six\r\n1..6\r\n",
			steps: "true step 1\nfalse step 2\ntrue step 3\ntrue four\ntrue five\ntrue 6 six",
		},
		"reads directives and escapes": {
			log: "TAP version 14\n1..5\nok 1 - a # skip\nnot ok 2 - b # TODO later\nok 3 - c # todo\nok 4 - issue #4 \\# SKIP \\\\\nnot ok 5 - e # SKIP no wind",
			steps: "true a | skipped\ntrue b | todo: later\ntrue c\n" +
				"true issue #4 # SKIP \\\ntrue e | skipped: no wind",
		},
		"joins a message of several lines": {
			log:   "TAP version 14\n1..1\nnot ok 1 - a\n  ---\n  message: |\n    one\n\n    two\n  ...\n",
			steps: "false a | one two",
		},
		"ignores invalid YAML and accepts an unterminated block": {
			log:   "TAP version 14\n1..2\nnot ok 1 - a\n  ---\n  : [\n  ...\nok 2 - b\n  ---\n  duration_ms: 4",
			steps: "false a\ntrue b | 4ms",
		},
		"ends a block at a line with less indentation": {
			log:   "TAP version 14\n1..2\nnot ok 1 - a\n  ---\n  message: oh\nok 2 - b",
			steps: "false a | oh\ntrue b",
		},
		"ignores invalid durations": {
			log:   "TAP version 14\n1..3\nok 1 - a\n  ---\n  duration_ms: NaN\n  ...\nok 2 - b\n  ---\n  duration_ms: -1\n  ...\nok 3 - c\n  ---\n  duration_ms: [1]\n  ...",
			steps: "true a\ntrue b\ntrue c",
		},
		"treats lines of subtests as log": {
			log:   "TAP version 14\n1..1\n# Subtest: all\n    ok 1 - x\n    not ok 2 - y\n    1..2\nnot ok 1 - all",
			steps: "false all", rest: "# Subtest: all\n    ok 1 - x\n    not ok 2 - y\n    1..2",
		},
		"rejects lines that only start like points": {
			log:  "TAP version 14\n1..0 # SKIP nothing to do\nokay\nnot okay\nokay then 3\n1..x\n1..+1\n1..",
			rest: "okay\nnot okay\nokay then 3\n1..x\n1..+1\n1..",
		},
		"reports missing steps": {
			log:   "TAP version 14\n1..7\nok 1 - a\nok 2 - b\n",
			steps: "true a\ntrue b", problem: `ended after 2 of 7 steps, last step "b"`,
		},
		"reports a plan without steps": {
			log: "TAP version 14\n1..7\n", problem: "ended before the first of 7 steps",
		},
		"reports more steps than planned": {
			log: "TAP version 14\n1..1\nok\nok\n", steps: "true step 1\ntrue step 2", problem: "ran 2 steps but planned 1",
		},
		"reports a missing plan": {
			log: "TAP version 14\nok 1 - a\n", steps: "true a", problem: "no plan (1..N), so steps may be missing",
		},
		"stops at a bailout": {
			log:   "TAP version 14\n1..3\nok 1 - a\nBail out! no database\nok 2 - b\n",
			steps: "true a", rest: "ok 2 - b", problem: "bailed out: no database",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			steps, rest, problem := parse(test.log)
			if got := strings.Join(steps, "\n"); got != test.steps {
				t.Errorf("steps (-want +got):\n%s", cmp.Diff(test.steps, got))
			}
			if got := strings.ReplaceAll(strings.Join(rest, "\n"), "\r", ""); got != test.rest {
				t.Errorf("log (-want +got):\n%s", cmp.Diff(test.rest, got))
			}
			if problem != test.problem {
				t.Errorf("got problem %q, want %q", problem, test.problem)
			}
		})
	}
}

// FuzzParser searches for input that panics, yields a wrong number of steps, or
// exceeds the parser's limits.
func FuzzParser(f *testing.F) {
	f.Add(journeyLog)
	f.Add("TAP version 14\n1..1\nok 1 - a\n  ---\n  message: &a [*a]\n  ...\n")
	f.Add("TAP version 14\nok 1 - \\# \\\\ #SKIP\n      ---\n      x\n    y\nBail out!")
	f.Add("TAP version 14\n1..99999999999999999999\nok 99999999999999999999\n")
	f.Fuzz(func(t *testing.T, log string) {
		var p Parser
		points := 0
		check := func(steps []Step) {
			for _, s := range steps {
				points++
				if len(s.Name) > maxName+len("step 18446744073709551615") || len(s.Message) > text.MaxMessage || len(s.Blocked) > text.MaxMessage+20 {
					t.Errorf("too long: %+v", s)
				}
				if s.Elapsed < 0 || s.Elapsed > 24*time.Hour || s.Name == "" {
					t.Errorf("impossible: %+v", s)
				}
			}
		}
		for line := range strings.SplitSeq(log, "\n") {
			steps, _ := p.Line(line)
			check(steps)
			if p.block != nil && p.block.Len() > maxBlock {
				t.Errorf("got a block of %d bytes, want at most %d", p.block.Len(), maxBlock)
			}
		}
		check(p.End())
		if points != p.count {
			t.Errorf("got %d steps, want %d", points, p.count)
		}
		if p.Problem() == "" && p.started && p.count != p.plan {
			t.Errorf("got no problem for %d of %d steps", p.count, p.plan)
		}
	})
}

func TestParser_Line_standardError(t *testing.T) {
	t.Parallel()
	steps, rest, problem := parse("TAP version 14\n1..1\nnot ok 1 - feed\n2026/11/30 a step failed\n  ---\n  message: no database\n  ...\n")
	if diff := cmp.Diff([]string{"false feed | no database"}, steps); diff != "" {
		t.Errorf("steps (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"2026/11/30 a step failed"}, rest); diff != "" || problem != "" {
		t.Errorf("log lines (-want +got), problem %q\n%s", problem, diff)
	}
}
