package main

import (
	"fmt"

	"tkdeploy.dev/tkdeploy/bench/internal/report"
)

// maxSendFactor limits the ratio of sent to new bytes. Archives have headers and an index.
const maxSendFactor = 1.05

// checkCounts returns unexpected counts, which do not depend on the machine.
func checkCounts(r report.Run) []string {
	if usesScript(r.Arm) || r.Problem != "" {
		return nil
	}
	var problems []string
	require := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Sprintf(format, args...))
		}
	}
	equal := func(name string, got, want int) { require(got == want, "%d %s, want %d", got, name, want) }
	switch r.Scenario {
	case report.Unchanged, report.Unverified:
		equal("changes", r.Changes, 0)
		equal("Helm revisions", r.Revisions, 0)
		equal("workloads rolled", r.Rolled, 0)
	case report.Source, report.Value:
		equal("Helm revisions", r.Revisions, 1)
		equal("workloads rolled", r.Rolled, 1)
	case report.Drift:
		require(r.Revisions <= 1, "%d Helm revisions, want at most 1", r.Revisions)
		equal("workloads rolled", r.Rolled, 1) // the deleted one
	case report.Cold:
		equal("Helm revisions", r.Revisions, 1)
	case report.Load:
		equal("Helm revisions", r.Revisions, 0)
		equal("workloads rolled", r.Rolled, 0)
	}
	if r.Scenario != report.Cold { // services may restart until databases are ready
		equal("containers restarted", r.Restarted, 0)
	}
	if !r.Counted {
		return problems
	}
	switch r.Scenario {
	case report.Cold, report.Source, report.Load:
		require(float64(r.SentBytes) <= maxSendFactor*float64(r.NewBytes), "sent %d bytes to the node, but only %d are new", r.SentBytes, r.NewBytes)
		require(r.SentBytes >= r.NewBytes*95/100, "the node has %d new bytes, but the proxy counted only %d", r.NewBytes, r.SentBytes)
	default:
		equal("bytes sent to the node", int(r.SentBytes), 0)
		equal("requests to save images", r.Saves, 0)
	}
	if r.Scenario != report.Cold && r.Scenario != report.Source {
		equal("requests to build", r.Builds, 0)
	}
	return problems
}
