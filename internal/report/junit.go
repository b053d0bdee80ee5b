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
	record
}

// NewJUnit writes to options.Path when it is closed.
func NewJUnit(options JUnitOptions) *JUnit { return &JUnit{options: options} }

// Close writes the report, as far as the run has come.
func (j *JUnit) Close() error {
	doc := junitDocument{Name: j.options.Group, Time: seconds(j.finish.Elapsed)}
	for _, s := range j.stages {
		doc.Suites = append(doc.Suites, j.suite(s))
	}
	text, err := doc.counted().text()
	if err != nil {
		return junitFile.cannotWrite(j.options.Path, err)
	}
	return junitFile.write(j.options.Path, text)
}

func (j *JUnit) suite(s *span) *junitSuite {
	suite := &junitSuite{
		Name: strings.Trim(j.options.Group+"."+s.id, "."), Time: seconds(0),
		Timestamp: timestamp(firstOf(s.start, s.ended, s.heard)),
	}
	stage := suite.add(s.name)
	for _, warning := range s.warnings {
		stage.Err = addLine(stage.Err, "warning: "+warning)
	}
	for _, e := range s.ends {
		suite.Time = seconds(e.Elapsed)
		j.end(stage, e, e.Reason)
	}
	for _, i := range s.items {
		if i.step {
			continue
		}
		c := suite.add(i.name)
		for _, e := range i.ends {
			j.end(c, e, e.Message)
		}
	}
	suite.settle()
	return suite
}

// end writes down how a stage or an item ended. Of several ends the last one
// counts, and all are told.
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

// firstOf is the first of the times that is set.
func firstOf(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
