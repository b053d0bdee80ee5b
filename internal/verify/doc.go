// Package verify smoke-tests a release from inside its cluster.
//
// [Derive] reads the rendered chart and gives the checks that its Services and
// probes promise: short and full DNS name, every TCP port, HTTP and gRPC
// health. [Select] adds and removes checks as the configuration asks.
// [Runner] starts one pod in the release's namespace, because that is where
// the app runs, and judges the answers as they arrive; in that pod, package
// probe asks the questions and writes one JSON line for each answer. The chart's own
// test hooks run beside it, see [Hook].
//
// Where the namespace's NetworkPolicies forbid the pod a flow, it tries that too:
// the answer, [PolicyCheck], tells whether the network plugin enforces them.
//
// The checks form a chain, cluster DNS → name → port → health: of a broken
// chain only the first link fails, and the links behind it are blocked by it,
// so that one cause is told once.
package verify
