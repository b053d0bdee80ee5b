// Package engine is how the benchmark sees the Docker engine: a [Proxy] in front
// of its socket counts what an arm asks for, and a [Client] asks the engine
// itself, past the proxy.
package engine
