package app

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

func doctorCommand(streams Streams) *cli.Command {
	return &cli.Command{
		Name:  "doctor",
		Usage: "look for what would keep up from its work, and say how to mend it",
		Description: "One line a check: ok, warn or fail, and the fix where it is not ok. Nothing is changed.\n" +
			"The status is 4 if a check fails; warnings do not count.\n\n" +
			"Examples:\n" +
			"   tkdeploy doctor\n" +
			"   tkdeploy doctor --env ci --output json | jq '.checks[] | select(.status != \"ok\")'",
		Flags: []cli.Flag{envFlag(), configFlag(), outputFlag()},
		Action: func(c *cli.Context) error {
			w, err := open(c)
			if err != nil {
				return err
			}
			d := w.examine(c.Context, checkTimeout)
			if err := c.Err(); err != nil {
				return err
			}
			if err := d.write(streams.Out, w.json); err != nil {
				return err
			}
			return d.err()
		},
	}
}

// checkTimeout is how long each check may take.
const checkTimeout = 8 * time.Second

// A checkStatus is a check's result in a word.
type checkStatus string

const (
	checkOK   checkStatus = "ok"
	checkWarn checkStatus = "warn"
	checkFail checkStatus = "fail"
)

// A finding is one line of `tkdeploy doctor`.
type finding struct {
	Name    string      `json:"name"`
	Status  checkStatus `json:"status"`
	Message string      `json:"message"`
	Fix     string      `json:"fix,omitempty"` // where it is not ok
}

// diagnosis is what `tkdeploy doctor --output json` prints; docs/events.md
// documents it.
type diagnosis struct {
	Environment string    `json:"environment"`
	Failed      int       `json:"failed"`
	Warnings    int       `json:"warnings"`
	Checks      []finding `json:"checks"`
}

func ok(format string, args ...any) finding {
	return finding{Status: checkOK, Message: fmt.Sprintf(format, args...)}
}

func warn(fix, format string, args ...any) finding {
	return finding{Status: checkWarn, Message: fmt.Sprintf(format, args...), Fix: fix}
}

func fail(fix, format string, args ...any) finding {
	return finding{Status: checkFail, Message: fmt.Sprintf(format, args...), Fix: fix}
}

// broken is a check that could not look.
func broken(err error) finding { return fail(fault.HintOf(err), "%v", err) }

func (d *diagnosis) add(f finding) {
	switch f.Status {
	case checkFail:
		d.Failed++
	case checkWarn:
		d.Warnings++
	}
	d.Checks = append(d.Checks, f)
}

// err is the failure of class Environment that makes the exit status.
func (d *diagnosis) err() error {
	if d.Failed == 0 {
		return nil
	}
	return fault.New(fault.Environment, fmt.Errorf("%d of %s failed", d.Failed, each(len(d.Checks), "check", "checks")), "")
}

func (d *diagnosis) write(w io.Writer, asJSON bool) error {
	if asJSON {
		return writeJSON(w, d)
	}
	p := newPrinter(w)
	for _, f := range d.Checks {
		p.row(string(f.Status), f.Name, f.Message)
		if f.Fix != "" {
			p.row("", "", indent("fix: "+f.Fix, "\t\t     "))
		}
	}
	return p.close()
}

// A check looks at one thing. It may give several findings.
type check struct {
	name string
	look func(context.Context) []finding
}

// perform does all checks side by side, each for at most limit. The findings
// have the checks' order.
func perform(ctx context.Context, limit time.Duration, checks []check) []finding {
	results := make([][]finding, len(checks))
	var all sync.WaitGroup
	for i, c := range checks {
		all.Go(func() { results[i] = c.within(ctx, limit) })
	}
	all.Wait()
	return slices.Concat(results...)
}

// within gives a check up that does not mind its deadline, such as one that
// hangs in a dead network file system.
func (c check) within(ctx context.Context, limit time.Duration) []finding {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan []finding, 1)
	go func() { done <- c.look(ctx) }()
	var found []finding
	select {
	case found = <-done:
	case <-time.After(limit + limit/4):
		found = []finding{fail("", "no answer within %s", limit)}
	}
	for i := range found {
		if found[i].Name == "" {
			found[i].Name = c.name
		}
	}
	return found
}
