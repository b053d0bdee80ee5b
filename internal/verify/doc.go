// Package verify runs the smoke test of a release from inside its cluster.
//
// [Runner] runs the checks of package checks in one pod in the release's
// namespace, with the program of package probe. At the same time it runs the test
// hooks of the chart with package hooks.
package verify
