package report

import (
	"cmp"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// JUnitOptions configure a JUnit report.
type JUnitOptions struct {
	Path  string // see [PrepareJUnit]
	Group string // prefix of the suite names: "tkdeploy.ci"

	Class   func(stage string, err error) fault.Class // returns the type of a failure
	Explain func(error) string                        // formats an error with its hints
}

// JUnit writes a test report for CI servers: a suite for each stage, with a case
// for the stage itself and one for each item. Unchanged cases pass; blocked,
// canceled and unfinished ones are skipped.
type JUnit struct {
	options JUnitOptions
	runTrace
}

// NewJUnit returns a renderer that writes to options.Path when it is closed.
func NewJUnit(options JUnitOptions) *JUnit { return &JUnit{options: options} }

// Close writes the report, even for an unfinished run.
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
		Timestamp: timestamp(cmp.Or(s.start, s.ended, s.firstSeen)),
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
	suite.setFailureTypes()
	return suite
}

// end records an end of a stage or item. The last of several ends determines the
// result; the messages of successful ones are kept.
func (j *JUnit) end(c *junitCase, e event.Event, message string) {
	c.ended, c.Time, c.Failure, c.Skipped = true, seconds(e.Elapsed), nil, nil
	switch e.Outcome {
	case event.Failed:
		c.Failure = j.failure(e, message)
	case event.Blocked, event.Canceled:
		c.Skipped = &junitSkipped{clean(join(string(e.Outcome), message))}
	default:
		c.Out = addLine(c.Out, join(string(e.Outcome), message))
	}
}

func (j *JUnit) failure(e event.Event, message string) *junitFailure {
	text := message
	f := &junitFailure{}
	if e.Err != nil {
		message, text = cmp.Or(message, e.Err.Error()), j.options.Explain(e.Err)
		f.Type = string(j.options.Class(e.Stage, e.Err))
	}
	f.Message, _, _ = strings.Cut(clean(cmp.Or(message, "failed")), "\n")
	f.Text = clean(strings.TrimRight(text, "\n"))
	return f
}

func join(outcome, message string) string {
	if message == "" {
		return outcome
	}
	return outcome + ": " + message
}

func addLine(text, line string) string {
	if text != "" {
		text += "\n"
	}
	return text + clean(line)
}
