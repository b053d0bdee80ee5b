// Package releasetest provides an API server and charts for tests.
package releasetest
