// Package drift compares the objects of a release with the live ones. It uses dry runs,
// because only the API server knows whether a difference matters.
package drift
