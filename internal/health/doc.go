// Package health diagnoses workloads from a snapshot of a cluster.
//
// Its functions are pure. [ComputeStatus] returns the state of each workload,
// [Diagnose] the causes, and [FormatCause] the text of a cause.
//
// # Rules
//
//   - Only pods of the newest revision count. They are found by owner, not by label.
//   - A custom resource is ready by its conditions, and not judged without any; see
//     package custom.
//   - A [Cause] is fatal only if waiting cannot heal it. One that cannot heal is
//     fatal at once, most others after a grace period; see [DefaultThresholds].
//   - A cause is not fatal while something may heal it: a pod that ends, or another
//     workload of the release that becomes ready. [Cause.Waiting] names it. The
//     wait ends when nothing else of the release changes by itself: workloads that
//     only wait for each other are all reported.
//   - A container may crash until its dependencies are up. A run that began before
//     the last other workload was ready proves nothing. Fewer than
//     [Thresholds.CrashRestarts] restarts are fatal only if all new pods crash.
//   - A Job decides itself whether to retry. Only a program that cannot be started
//     is fatal before it gives up.
//   - A pod that failed before the wait gets [Thresholds.StaleGrace] for its next
//     attempt.
//   - Crashes within [Thresholds.NodeRecoveryGrace] of a node's recovery do not
//     count: pods start there before the network does.
//
// TestDiagnose_Verdicts judges recorded moments of rollouts and documents their
// format: to add a case, add a file.
package health
