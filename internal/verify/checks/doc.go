// Package checks decides which checks the smoke test runs. It sends no requests.
//
// Checks depend on each other: cluster DNS, name, port, health. If one fails,
// those that depend on it are blocked, so the reason is reported once.
package checks
