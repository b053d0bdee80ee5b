package images

import (
	"cmp"
	"context"
	"os"
	"strings"
	"sync"
	"time"

	"tkdeploy.dev/tkdeploy/internal/engine"
)

// Options configure a [Builder]. The zero value is usable.
type Options struct {
	Getenv func(string) string // for build secrets; default os.Getenv

	// A pull is given up when its registry does not answer (default 15 s) or,
	// later, when nothing moves (default 60 s).
	PullStartTimeout, PullIdleTimeout time.Duration
}

// Builder makes the images of an application available in a Docker engine. It
// may be used concurrently.
type Builder struct {
	engine     *engine.Engine
	options    Options
	registries registries

	mu       sync.Mutex
	binaries map[Binary]func() (binaryImage, error)
}

// NewBuilder returns a Builder for the engine.
func NewBuilder(e *engine.Engine, options Options) *Builder {
	if options.Getenv == nil {
		options.Getenv = os.Getenv
	}
	options.PullStartTimeout = cmp.Or(options.PullStartTimeout, 15*time.Second)
	options.PullIdleTimeout = cmp.Or(options.PullIdleTimeout, time.Minute)
	return &Builder{engine: e, options: options, binaries: map[Binary]func() (binaryImage, error){}}
}

// diskHint names the engine's disk if err tells that it is full, in Go's words
// or in those of the C library.
func (b *Builder) diskHint(ctx context.Context, err error) string {
	if !strings.Contains(strings.ToLower(err.Error()), "no space left on device") {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	disk := "the Docker engine's disk"
	if info, err := b.engine.Info(ctx); err == nil {
		disk += " (" + info.Root + ")"
	}
	return disk + " is full: `docker system df` shows what uses it, `docker builder prune` frees old build steps"
}
