// Package nodeload copies images from a Docker engine to the containerd of
// cluster nodes. It sends only the layers that a node lacks.
package nodeload

import (
	"cmp"
	"os"

	"tkdeploy.dev/tkdeploy/internal/engine"
)

// Options configure a [Loader]. The zero value is usable.
type Options struct {
	TempDir string // for layers on their way to nodes; default the system's
}

// Loader copies images from a Docker engine to nodes.
type Loader struct {
	engine  *engine.Engine
	options Options
}

// NewLoader returns a Loader for the engine's images.
func NewLoader(e *engine.Engine, options Options) *Loader {
	options.TempDir = cmp.Or(options.TempDir, os.TempDir())
	return &Loader{engine: e, options: options}
}
