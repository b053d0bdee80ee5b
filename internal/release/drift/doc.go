// Package drift compares the objects of a release with the live ones, and tries
// changes as dry runs.
package drift
