// Package releasetest has a small API server and chart helpers for tests.
package releasetest
