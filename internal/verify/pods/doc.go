// Package pods manages the pods of the smoke test and the test hooks,
// and reads their logs.
package pods
