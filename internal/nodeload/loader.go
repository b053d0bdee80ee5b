// Package nodeload copies images from a Docker engine to the containerd of
// nodes.
//
// A node receives an OCI archive without the layers that it has. containerd
// imports an image if each layer is in the archive, in its content store, or
// unpacked in its snapshotter.
package nodeload

import (
	"cmp"
	"os"
	"time"

	"tkdeploy.dev/tkdeploy/internal/engine"
)

// Options configure a [Loader]. The zero value is usable.
type Options struct {
	TempDir string // for exported layers; default: the system's

	// ExportTimeout limits how long the engine may send no data of an image. Default:
	// 10 minutes.
	ExportTimeout time.Duration

	// RelayImage is an image of tkdeploy-probe in the engine. With it, an engine with
	// another network than this process can push images. "" for none.
	RelayImage string
}

// Loader copies images from a Docker engine to nodes.
type Loader struct {
	engine  *engine.Engine
	options Options
}

// NewLoader returns a Loader for the engine.
func NewLoader(e *engine.Engine, options Options) *Loader {
	options.TempDir = cmp.Or(options.TempDir, os.TempDir())
	options.ExportTimeout = cmp.Or(options.ExportTimeout, exportTimeout)
	return &Loader{engine: e, options: options}
}
