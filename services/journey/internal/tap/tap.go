// Package tap writes test results in the Test Anything Protocol, version 14
// (https://testanything.org/tap-version-14-specification.html).
//
// Each result is written in one piece at once, for readers that follow the
// output.
package tap

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Writer writes results. Use [New].
type Writer struct {
	out    io.Writer
	number int // of the last test point
	failed bool
	broken []error
}

// New writes the version and the plan, the number of expected results.
func New(out io.Writer, plan int) *Writer {
	w := &Writer{out: out}
	w.write(fmt.Sprintf("TAP version 14\n1..%d\n", plan))
	return w
}

// Pass writes that a test passed.
func (w *Writer) Pass(name string, took time.Duration) {
	w.point("ok", name, "", duration(took))
}

// Fail writes that a test failed, and why.
func (w *Writer) Fail(name string, took time.Duration, message string) {
	w.failed = true
	w.point("not ok", name, "", duration(took), "message: "+strconv.Quote(message)) // Go's escapes are valid YAML
}

// Skip writes that a test was skipped, and why. TAP counts it as passed.
func (w *Writer) Skip(name, why string) {
	w.point("ok", name, " # SKIP "+why)
}

// Failed reports whether a test failed.
func (w *Writer) Failed() bool { return w.failed }

// Err returns the errors of writing.
func (w *Writer) Err() error { return errors.Join(w.broken...) }

func duration(d time.Duration) string {
	return fmt.Sprintf("duration_ms: %.3f", float64(d)/float64(time.Millisecond))
}

// escape keeps a # in a name from starting a directive.
var escape = strings.NewReplacer(`\`, `\\`, `#`, `\#`)

func (w *Writer) point(status, name, directive string, lines ...string) {
	w.number++
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d - %s%s\n", status, w.number, escape.Replace(name), directive)
	if len(lines) > 0 {
		fmt.Fprintf(&b, "  ---\n  %s\n  ...\n", strings.Join(lines, "\n  "))
	}
	w.write(b.String())
}

func (w *Writer) write(text string) {
	if _, err := io.WriteString(w.out, text); err != nil {
		w.broken = append(w.broken, fmt.Errorf("write results: %w", err))
	}
}
