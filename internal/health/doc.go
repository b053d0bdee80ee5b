// Package health diagnoses workloads from a snapshot of a cluster.
//
// Its functions are pure. [ComputeStatus] returns the state of each workload,
// [Diagnose] the causes, and [FormatCause] the text of a cause.
//
// # Rules
//
//   - Only pods of the newest revision count.
//   - A [Cause] that cannot heal is fatal at once. Most others are fatal after a
//     grace period; see [DefaultThresholds].
//   - A container may crash until its dependencies are up: fewer than
//     [Thresholds.CrashRestarts] restarts are fatal only if all new pods crash.
//   - A pod that failed before the wait gets [Thresholds.StaleGrace] for its next
//     attempt.
//   - Crashes within [Thresholds.NodeRecoveryGrace] of a node's recovery do not
//     count: pods start there before the network does.
package health
