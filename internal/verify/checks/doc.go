// Package checks decides which checks the smoke test runs. It sends no requests.
//
// Checks depend on each other: cluster DNS, name, port, health. If one fails,
// the checks that depend on it are blocked, and the cause is reported once.
package checks
