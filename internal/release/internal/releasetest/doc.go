// Package releasetest provides an API server and chart helpers for tests.
package releasetest
