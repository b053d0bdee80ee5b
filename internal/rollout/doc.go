// Package rollout waits for workloads to come up, ends early when one cannot,
// and says why.
//
// # How it works
//
// [Watcher.Wait] lists and watches the workloads' objects, their pods, events,
// claims and the nodes, and keeps them in one place. After each change it asks
// two questions of that [Snapshot], both answered by pure functions:
//
//   - is every workload ready? ([Measure])
//   - what keeps the others, and can it still heal? ([Classify])
//
// It returns when all are ready, when a [Cause] has become fatal, or when time
// is up. A failed wait is a [*Failure] with every cause, and [Card] renders a
// cause for a person.
//
// # Rules
//
//   - Only the pods of the newest revision are judged. Pods of an old ReplicaSet
//     may crash as they like: they are on their way out.
//   - Each cause has a time from which it is fatal. A cause that cannot heal is
//     fatal at once; one that may heal has its grace. [Limits] lists all of
//     them with their reasons.
//   - A container may crash and recover: less than [Limits.CrashRestarts]
//     restarts end nothing. So a service may crash while what it needs comes up.
//   - Evidence from before the wait is not proof: a pod that was failing long
//     before gets [Limits.Stale] for its next try.
//   - Nor are crashes within [Limits.Return] of a killed node's return: pods
//     start there before their network does.
//   - Nothing is decided while the API server does not answer.
package rollout
