// Package hooks runs the test hooks of a chart as `helm test` does, and reports
// the steps of hooks that write TAP.
package hooks
