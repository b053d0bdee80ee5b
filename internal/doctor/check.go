package doctor

import (
	"context"
	"slices"
	"sync"
	"time"
)

// check is a named check. Results without a name get its name.
type check struct {
	name string
	run  func(context.Context) []Result
}

func one(run func(context.Context) Result) func(context.Context) []Result {
	return func(ctx context.Context) []Result { return []Result{run(ctx)} }
}

// runChecks returns the results in the order of the checks.
func runChecks(ctx context.Context, timeout time.Duration, checks []check) []Result {
	results := make([][]Result, len(checks))
	var all sync.WaitGroup
	for i, c := range checks {
		all.Go(func() { results[i] = c.runWithin(ctx, timeout) })
	}
	all.Wait()
	return slices.Concat(results...)
}

// runWithin abandons a check that ignores its context, such as one that hangs in a
// network file system.
func (c check) runWithin(ctx context.Context, timeout time.Duration) []Result {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	done := make(chan []Result, 1)
	go func() { done <- c.run(ctx) }()
	var results []Result
	select {
	case results = <-done:
	case <-time.After(timeout + timeout/4):
		results = []Result{fail("", "no answer within %s", timeout)}
	}
	for i := range results {
		if results[i].Name == "" {
			results[i].Name = c.name
		}
	}
	return results
}
