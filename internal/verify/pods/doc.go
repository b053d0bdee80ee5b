// Package pods creates, watches and deletes the pods of the smoke test and of
// the test hooks, and reads their logs.
//
// [Client] repeats requests while the API server does not respond, and reopens
// watches that break or stay silent. [Runner] handles one kind of pod and
// explains why a pod was refused or did not start.
package pods
