package images

import (
	"cmp"
	"os"
)

// LoaderOptions configure a [Loader]. The zero value is usable.
type LoaderOptions struct {
	TempDir string // for layers on their way to nodes; default the system's
}

// Loader copies images from a Docker engine to nodes.
type Loader struct {
	engine  *Engine
	options LoaderOptions
}

// NewLoader returns a Loader for the engine's images.
func NewLoader(e *Engine, options LoaderOptions) *Loader {
	options.TempDir = cmp.Or(options.TempDir, os.TempDir())
	return &Loader{engine: e, options: options}
}
