// Package pods creates, watches and deletes the pods of the smoke test and of
// the test hooks, and reads their logs.
package pods
