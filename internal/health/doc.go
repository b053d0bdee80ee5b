// Package health diagnoses workloads from a snapshot of a cluster.
//
// Its functions are pure: [ComputeStatus] returns the state of each workload,
// [Diagnose] the causes that keep workloads from being ready, and [FormatCause]
// the text of a cause.
//
// # Rules
//
//   - Only pods of the newest revision count.
//   - A [Cause] that cannot heal is fatal at once, any other after a
//     grace period. [DefaultThresholds] explains the periods.
//   - A container may crash until its dependencies are up. Fewer than
//     [Thresholds.CrashRestarts] restarts are not fatal unless all new pods
//     keep crashing.
//   - A pod that was already failing before the wait gets
//     [Thresholds.StaleGrace] for its next attempt.
//   - Crashes within [Thresholds.NodeRecoveryGrace] of a node's recovery do not
//     count: pods start there before the network does.
package health
