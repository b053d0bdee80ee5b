package images

import (
	"cmp"
	"os"
	"sync"
	"time"
)

// BuilderOptions configure a [Builder]. The zero value is usable.
type BuilderOptions struct {
	Getenv func(string) string // for build secrets; default os.Getenv

	// A pull is given up when its registry does not answer (default 15 s) or,
	// later, when nothing moves (default 60 s).
	PullStartTimeout, PullIdleTimeout time.Duration
}

// Builder makes the images of an application available in a Docker engine. It
// may be used concurrently.
type Builder struct {
	engine     *Engine
	options    BuilderOptions
	registries registries

	mu       sync.Mutex
	binaries map[Binary]func() (binaryImage, error)
}

// NewBuilder returns a Builder for the engine.
func NewBuilder(e *Engine, options BuilderOptions) *Builder {
	if options.Getenv == nil {
		options.Getenv = os.Getenv
	}
	options.PullStartTimeout = cmp.Or(options.PullStartTimeout, 15*time.Second)
	options.PullIdleTimeout = cmp.Or(options.PullIdleTimeout, time.Minute)
	return &Builder{engine: e, options: options, binaries: map[Binary]func() (binaryImage, error){}}
}
