// Package snapshot tests the files of a release that make snapshot has built. It
// requires the build tag snapshot; use make test-snapshot.
package snapshot
