// Package release brings a Helm release to what is desired and tells how it
// stands. It is the only importer of Helm.
//
// # Offline
//
// [Check] reads the chart and its values as strictly as a compiler reads code:
// every problem at once, each with its file and line, before anything is
// touched. [Render] gives the objects that the chart would make.
//
// # With a cluster
//
// A [Client] follows observe, decide, act. [Client.Observe] compares the
// fingerprint of what is desired with the one that the deployed revision
// carries as a label, and the objects of that revision with the live ones.
// [Client.Apply] decides from the release's history what to do (package-level
// function decide, pure) and lets Helm do it.
//
// # What Helm is not asked to do
//
//   - Wait: Helm's wait cannot be cancelled and knows no reasons. Package
//     rollout waits.
//   - Roll back by itself (Atomic): the evidence would be gone. The caller
//     decides, and [Client.Rollback] goes to a verified revision only.
//   - Prune the history: it would delete the verified revision in a row of
//     failed ones.
//   - Be believed: it only logs when it cannot note a status or delete an
//     object, and it compares with one revision, so that what a failed one
//     made stays. Method finish looks after it.
//   - Read KUBECONFIG or HELM_*: it gets the caller's [rest.Config] and
//     nothing else.
//   - Print: its log may hold the contents of Secrets. It is kept in memory,
//     and what of it gets into an error has every Secret's contents masked.
//   - Fetch: no dependency update, no schema from elsewhere.
//
// # State
//
// All state is in the release records that Helm keeps in the cluster. Their
// labels hold the fingerprint, the commit, and whether the revision has been
// verified.
package release
