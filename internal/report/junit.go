package report

import (
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// JUnitOptions say where a JUnit report goes, and how errors are put in it.
type JUnitOptions struct {
	Path  string // see [PrepareJUnit]
	Group string // what test servers group by, before the stage: tkdeploy.ci

	Class   func(stage string, err error) fault.Class // the type of a failure
	Explain func(error) string                        // all that a person is told of an error
}

// JUnit folds a run into a test report for CI servers: a suite for each stage,
// and in it a case for the stage itself and for each of its items. What was
// unchanged has passed; what was blocked, canceled or not finished is skipped.
type JUnit struct {
	options JUnitOptions
	doc     junitDocument
}

// NewJUnit writes to options.Path when it is closed.
func NewJUnit(options JUnitOptions) *JUnit {
	return &JUnit{options: options, doc: junitDocument{Name: options.Group}}
}

// Report adds e.
func (j *JUnit) Report(e event.Event) {
	for _, s := range e.Plan {
		j.suite(s.ID, e.Time).stage().Name = s.Title
	}
	switch e.Kind {
	case event.ItemProgress:
		if e.Item != "" {
			j.suite(e.Stage, e.Time).item(e.Item)
		}
	case event.ItemFinished:
		j.end(j.suite(e.Stage, e.Time).item(e.Item), e, e.Message)
	case event.Warning:
		c := j.suite(e.Stage, e.Time).stage()
		c.Err = addLine(c.Err, "warning: "+e.Message)
	case event.StageFinished:
		s := j.suite(e.Stage, e.Time)
		s.Time, s.Timestamp = seconds(e.Elapsed), timestamp(e.Time.Add(-e.Elapsed))
		j.end(s.stage(), e, e.Cause)
		s.settle(e.Outcome)
	case event.RunFinished:
		j.doc.Time = seconds(e.Elapsed)
		if e.Err != nil { // of the run, not of a stage: another run is at work
			j.end(j.suite("", e.Time).stage(), e, "")
		}
	}
}

// Close writes the report, as far as the run has come.
func (j *JUnit) Close() error { return writeJUnit(j.options.Path, j.doc.counted()) }

// suite is the stage's; one that the plan did not announce is added.
func (j *JUnit) suite(stage string, now time.Time) *junitSuite {
	group := strings.Trim(j.options.Group+"."+stage, ".")
	for _, s := range j.doc.Suites {
		if s.Name == group {
			return s
		}
	}
	s := &junitSuite{Name: group, Time: seconds(0), Timestamp: timestamp(now)}
	s.add(orElse(stage, "run"))
	j.doc.Suites = append(j.doc.Suites, s)
	return s
}

// end writes down how a stage or an item ended. An item may end more than once
// (a pod is unstuck, then ready): the last time counts, and all are told.
func (j *JUnit) end(c *junitCase, e event.Event, said string) {
	c.ended, c.Time, c.Failure, c.Skipped = true, seconds(e.Elapsed), nil, nil
	switch e.Outcome {
	case event.Failed:
		c.Failure = j.failure(e, said)
	case event.Blocked, event.Canceled:
		c.Skipped = &junitSkipped{clean(join(string(e.Outcome), said))}
	default:
		c.Out = addLine(c.Out, join(string(e.Outcome), said))
	}
}

func (j *JUnit) failure(e event.Event, said string) *junitFailure {
	text := said
	f := &junitFailure{}
	if e.Err != nil {
		said, text = orElse(said, e.Err.Error()), j.options.Explain(e.Err)
		f.Type = string(j.options.Class(e.Stage, e.Err))
	}
	f.Message, _, _ = strings.Cut(clean(orElse(said, "failed")), "\n")
	f.Text = clean(strings.TrimRight(text, "\n"))
	return f
}

func join(outcome, said string) string {
	if said == "" {
		return outcome
	}
	return outcome + ": " + said
}

func addLine(text, line string) string {
	if text != "" {
		text += "\n"
	}
	return text + clean(line)
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
