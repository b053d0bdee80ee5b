// Package drift compares the objects of a release with the live ones. It uses dry runs:
// only the API server knows whether a difference matters and whether it accepts a change.
package drift
