// Package engine connects the benchmark to the Docker engine.
package engine
