// Package verify runs the smoke test of a release from inside its cluster.
//
// [Runner] runs the checks of package checks in one pod in the namespace of the
// release, and judges the results as they arrive. The program in that pod uses
// package probe: it runs the checks and writes one JSON line per result. At the
// same time, [Runner] runs the test hooks of the chart with package hooks.
package verify
