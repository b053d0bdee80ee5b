// Package engine connects the benchmark to the Docker engine. A [Proxy] counts the
// requests of an arm; a [Client] queries the engine directly.
package engine
