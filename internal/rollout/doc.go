// Package rollout waits for workloads to become ready, fails fast if one cannot,
// and reports the cause.
//
// [Watcher.Wait] lists and watches the workloads, their pods, events and claims,
// and the nodes. After each change it passes a snapshot to package health. It
// returns when all workloads are ready, a cause is fatal, or the timeout expires.
// It decides nothing while the API server is unavailable.
package rollout
