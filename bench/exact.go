package main

import (
	"fmt"

	"tkdeploy.dev/tkdeploy/bench/internal/report"
)

// margin is what an archive may have beside what is new in it: headers, an index.
const margin = 1.05

// exact tells which counts of a run of tkdeploy are not as they must be. They
// are the same on any machine, so a test can fail on them.
func exact(r report.Run) []string {
	if byHand(r.Arm) || r.Problem != "" {
		return nil
	}
	var problems []string
	must := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Sprintf(format, args...))
		}
	}
	is := func(what string, n, wanted int) { must(n == wanted, "%d %s, must be %d", n, what, wanted) }
	switch r.Scenario {
	case report.Unchanged, report.Unverified:
		is("mutations", r.Mutations, 0)
		is("Helm revisions", r.Revisions, 0)
		is("workloads rolled", r.Rolled, 0)
	case report.Source, report.Value:
		is("Helm revisions", r.Revisions, 1)
		is("workloads rolled", r.Rolled, 1)
	case report.Drift:
		must(r.Revisions <= 1, "%d Helm revisions, must be 1 at most", r.Revisions)
		is("workloads rolled", r.Rolled, 1) // the one that was deleted
	case report.Cold:
		is("Helm revisions", r.Revisions, 1)
	case report.Load:
		is("Helm revisions", r.Revisions, 0)
		is("workloads rolled", r.Rolled, 0)
	}
	if r.Scenario != report.Cold { // services of the stack may start before their stores
		is("containers restarted", r.Restarted, 0)
	}
	if !r.Counted {
		return problems
	}
	switch r.Scenario {
	case report.Cold, report.Source, report.Load:
		must(float64(r.SentBytes) <= margin*float64(r.NewBytes), "%d bytes were sent to the node, but only %d are new", r.SentBytes, r.NewBytes)
		must(r.SentBytes >= r.NewBytes*95/100, "%d bytes are new in the node, but only %d were counted on their way", r.NewBytes, r.SentBytes)
	default:
		is("bytes sent to the node", int(r.SentBytes), 0)
		is("requests to save images", r.Saves, 0)
	}
	if r.Scenario != report.Cold && r.Scenario != report.Source {
		is("requests to build", r.Builds, 0)
	}
	return problems
}
