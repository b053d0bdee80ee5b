// Package checks decides which checks the smoke test runs. It works on objects
// only and sends no requests.
//
// [Derive] returns the checks that follow from the Services and probes of a
// rendered chart. [Select] applies the configuration to them. [ForPolicies]
// returns a check of whether the cluster enforces NetworkPolicies.
//
// Checks depend on each other: cluster DNS, name, port, health. If one fails,
// the checks that depend on it are blocked, so that one cause is reported once.
package checks
