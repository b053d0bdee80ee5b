package report

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"regexp"
	"time"
)

// These types are the part of Jenkins' schema (jenkins-junit.xsd) that Jenkins,
// GitLab and GitHub reporters read. encoding/xml replaces characters that XML 1.0
// does not allow.

type junitDocument struct {
	XMLName  xml.Name      `xml:"testsuites"`
	Name     string        `xml:"name,attr"`
	Tests    int           `xml:"tests,attr"`
	Failures int           `xml:"failures,attr"`
	Errors   int           `xml:"errors,attr"` // always 0: failures only
	Time     string        `xml:"time,attr"`
	Suites   []*junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name      string       `xml:"name,attr"`
	Tests     int          `xml:"tests,attr"`
	Failures  int          `xml:"failures,attr"`
	Errors    int          `xml:"errors,attr"`
	Skipped   int          `xml:"skipped,attr"`
	Time      string       `xml:"time,attr"`
	Timestamp string       `xml:"timestamp,attr"`
	Cases     []*junitCase `xml:"testcase"` // the stage itself, then its items
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Time    string        `xml:"time,attr"`
	Skipped *junitSkipped `xml:"skipped"`
	Failure *junitFailure `xml:"failure"`
	Out     string        `xml:"system-out,omitempty"`
	Err     string        `xml:"system-err,omitempty"`

	ended bool
}

type junitSkipped struct {
	Message string `xml:"message,attr"`
}

type junitFailure struct {
	Message string `xml:"message,attr"` // one line
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// stage returns the case of the stage itself. Its name is capitalized, unlike those
// of items, so names are unique.
func (s *junitSuite) stage() *junitCase { return s.Cases[0] }

func (s *junitSuite) add(name string) *junitCase {
	c := &junitCase{Name: name, Class: s.Name, Time: seconds(0)}
	s.Cases = append(s.Cases, c)
	return c
}

// setFailureTypes copies the stage's type to failed items without one.
func (s *junitSuite) setFailureTypes() {
	class := "failed"
	if f := s.stage().Failure; f != nil {
		class = cmp.Or(f.Type, class)
	}
	for _, c := range s.Cases {
		if c.Failure != nil {
			c.Failure.Type = cmp.Or(c.Failure.Type, class)
		}
	}
}

// counted sets the counts and marks unfinished cases as skipped.
func (d junitDocument) counted() junitDocument {
	for _, s := range d.Suites {
		s.Tests, s.Failures, s.Skipped = len(s.Cases), 0, 0
		for _, c := range s.Cases {
			if !c.ended {
				c.Skipped = &junitSkipped{"not finished"}
			}
			if c.Failure != nil {
				s.Failures++
			}
			if c.Skipped != nil {
				s.Skipped++
			}
		}
		d.Tests += s.Tests
		d.Failures += s.Failures
	}
	return d
}

func (d junitDocument) text() ([]byte, error) {
	var text bytes.Buffer
	text.WriteString(xml.Header)
	encoder := xml.NewEncoder(&text)
	encoder.Indent("", "  ")
	err := encoder.Encode(d)
	text.WriteByte('\n')
	return text.Bytes(), err
}

// escapes matches terminal control sequences (ECMA-48: CSI, OSC and short ones).
var escapes = regexp.MustCompile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|[ -/]*[0-Z\\\\^-~])")

func clean(s string) string { return escapes.ReplaceAllString(s, "") }

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

// timestamp formats t in UTC without a zone, which Ant's schema does not allow.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") }
