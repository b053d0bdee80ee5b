// Package doctor checks this machine for problems that make a run fail.
package doctor

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// Timeout is how long each check may take.
const Timeout = 8 * time.Second

// Status is a check's result in a word.
type Status string

const (
	OK   Status = "ok"
	Warn Status = "warn"
	Fail Status = "fail"
)

// Result is one line of `tkdeploy doctor`.
type Result struct {
	Name    string `json:"name"`
	Status  Status `json:"status"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"` // where it is not ok
}

// Diagnosis is what `tkdeploy doctor --output json` prints; docs/events.md
// documents it.
type Diagnosis struct {
	Environment string   `json:"environment"`
	Failed      int      `json:"failed"`
	Warnings    int      `json:"warnings"`
	Checks      []Result `json:"checks"`
}

func ok(format string, args ...any) Result {
	return Result{Status: OK, Message: fmt.Sprintf(format, args...)}
}

func warn(fix, format string, args ...any) Result {
	return Result{Status: Warn, Message: fmt.Sprintf(format, args...), Fix: fix}
}

func fail(fix, format string, args ...any) Result {
	return Result{Status: Fail, Message: fmt.Sprintf(format, args...), Fix: fix}
}

// broken is a check that could not look.
func broken(err error) Result { return fail(fault.HintOf(err), "%v", err) }

func (d *Diagnosis) add(f Result) {
	switch f.Status {
	case Fail:
		d.Failed++
	case Warn:
		d.Warnings++
	}
	d.Checks = append(d.Checks, f)
}

// Err is the failure of class Environment that makes the exit status.
func (d *Diagnosis) Err() error {
	if d.Failed == 0 {
		return nil
	}
	return fault.New(fault.Environment, fmt.Errorf("%d of %s failed", d.Failed, text.Plural(len(d.Checks), "check")), "")
}

// A check looks at one thing. It may give several results.
type check struct {
	name string
	look func(context.Context) []Result
}

// perform does all checks side by side, each for at most limit. The Results
// have the checks' order.
func perform(ctx context.Context, limit time.Duration, checks []check) []Result {
	results := make([][]Result, len(checks))
	var all sync.WaitGroup
	for i, c := range checks {
		all.Go(func() { results[i] = c.within(ctx, limit) })
	}
	all.Wait()
	return slices.Concat(results...)
}

// within gives a check up that does not mind its deadline, such as one that
// hangs in a dead network file system.
func (c check) within(ctx context.Context, limit time.Duration) []Result {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan []Result, 1)
	go func() { done <- c.look(ctx) }()
	var found []Result
	select {
	case found = <-done:
	case <-time.After(limit + limit/4):
		found = []Result{fail("", "no answer within %s", limit)}
	}
	for i := range found {
		if found[i].Name == "" {
			found[i].Name = c.name
		}
	}
	return found
}
