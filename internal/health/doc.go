// Package health diagnoses workloads from a snapshot of a cluster.
//
// Its functions are pure: they read API objects and a time, and send no
// request.
//
//   - [ComputeStatus] returns the state of each workload.
//   - [Diagnose] returns the causes that keep workloads from being ready.
//   - [FormatCause] formats a cause for the terminal.
//
// # Rules
//
//   - Only pods of the newest revision count. Pods of an old ReplicaSet may
//     crash: they are being replaced.
//   - Each [Cause] has a time at which it becomes fatal. A cause that waiting
//     cannot heal is fatal at once, any other after a grace period.
//     [Thresholds] lists the grace periods and the reasons for them.
//   - A container may crash until its dependencies are up. Fewer than
//     [Thresholds.CrashRestarts] restarts are not fatal unless all new pods
//     keep crashing.
//   - A pod that was already failing before the wait gets
//     [Thresholds.StaleGrace] for its next attempt.
//   - Crashes within [Thresholds.NodeRecoveryGrace] of a node's recovery do not
//     count: pods start there before the network does.
package health
