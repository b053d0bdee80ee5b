// Package verify runs the smoke test of a release from inside its cluster.
//
// [Runner] runs checks in a pod and, in parallel, the chart's test hooks.
package verify
