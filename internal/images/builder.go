package images

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/images/cause"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

// Options configure a [Builder]. The zero value is usable.
type Options struct {
	Getenv func(string) string // reads build secrets; default os.Getenv

	StateDir string // keeps what explains builds; "" explains nothing
	Project  string // the images are part of

	// Configuration lists the absolute paths of the files that configure the deployment.
	// A build gets a hint if it depends on them because there is no ignore file.
	Configuration []string
	NoCache       bool // build all images again, without BuildKit's cache
	Pull          bool // pull the base images again

	// PullStartTimeout limits a registry's first response (default 15 s),
	// PullIdleTimeout the time without progress (default 60 s).
	PullStartTimeout, PullIdleTimeout time.Duration

	// BuildGrace and PullGrace limit how long builds (default 60 s), and pulls and
	// recipes (default 5 s), go on after another image failed. A build that fails
	// too, or succeeds, saves the user a run; a download does not.
	BuildGrace, PullGrace time.Duration
}

// Builder adds images to a Docker engine. It is safe for concurrent use.
type Builder struct {
	engine     *engine.Engine
	options    Options
	causes     cause.Store
	registries registries
	hint       sync.Once // once per run

	mu       sync.Mutex
	binaries map[string]func() (binaryImage, error) // by repository
	rebuilt  map[string]bool                        // references without a rebuild's suffix, for NoCache
	pulled   bool                                   // the base images, for Pull
}

// NewBuilder returns a Builder for the engine.
func NewBuilder(e *engine.Engine, options Options) *Builder {
	if options.Getenv == nil {
		options.Getenv = os.Getenv
	}
	options.PullStartTimeout = cmp.Or(options.PullStartTimeout, 15*time.Second)
	options.PullIdleTimeout = cmp.Or(options.PullIdleTimeout, time.Minute)
	options.BuildGrace = cmp.Or(options.BuildGrace, time.Minute)
	options.PullGrace = cmp.Or(options.PullGrace, 5*time.Second)
	b := &Builder{engine: e, options: options, binaries: map[string]func() (binaryImage, error){}, rebuilt: map[string]bool{}}
	if options.StateDir != "" {
		b.causes = cause.Store{Dir: filepath.Join(options.StateDir, "inputs"), Project: options.Project}
	}
	return b
}

// pending returns why an existing image must be built again, or "".
func (b *Builder) pending(id inputs.Identity) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.options.NoCache && !b.rebuilt[id.Ref]:
		return "--no-cache"
	case b.options.Pull && !b.pulled && len(id.Inputs.Bases()) > 0:
		return "--pull"
	}
	return ""
}

func (b *Builder) setRebuilt(ref string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rebuilt[ref] = true
}

func (b *Builder) setPulled() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pulled = true
}

// diskHint returns a hint for a full disk. Go and the C library spell the error
// differently.
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
	return "free some space: " + disk + " is full (`docker system df` shows its usage, `docker builder prune` removes the build cache)"
}
