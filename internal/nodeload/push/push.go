// Package push makes a Docker engine push images to a registry of this process.
package push

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/platforms"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	apiregistry "github.com/docker/docker/api/types/registry"
	"github.com/docker/docker/api/types/versions"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/nodeload/registry"
)

// parallel is how many images are pushed at once. An engine sends five layers at once.
const parallel = 4

// Session pushes images to one registry. Each image has a tag in the engine until the
// session is closed.
type Session struct {
	engine   *engine.Engine
	endpoint registry.Endpoint
	auth     string
	images   []tagged
}

type tagged struct {
	image    engine.Image
	tag, ref string
}

// NewToken returns a token for [registry.New] and [Open].
func NewToken() string { return rand.Text() }

// Open tags the images for the registry.
func Open(ctx context.Context, e *engine.Engine, at registry.Endpoint, token string, images []engine.Image) (*Session, error) {
	auth, err := apiregistry.EncodeAuthConfig(apiregistry.AuthConfig{RegistryToken: token})
	if err != nil {
		return nil, err
	}
	s := &Session{engine: e, endpoint: at, auth: auth}
	for _, i := range images {
		tag := newTag(time.Now(), len(s.images))
		ref := at.Address + "/" + registry.Repository + ":" + tag
		err := e.Call(ctx, func(ctx context.Context) error { return e.API().ImageTag(ctx, i.ID, ref) })
		if err != nil {
			s.Close(ctx)
			return nil, fmt.Errorf("tag image %s: %w", i.Ref, err)
		}
		s.images = append(s.images, tagged{i, tag, ref})
	}
	return s, nil
}

// Tag returns the tag of an image in the registry.
func (s *Session) Tag(i engine.Image) string {
	for _, t := range s.images {
		if t.image.ID == i.ID {
			return t.tag
		}
	}
	return ""
}

// Push pushes all images.
func (s *Session) Push(ctx context.Context) error {
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(parallel)
	for _, t := range s.images {
		work.Go(func() error {
			if err := s.push(ctx, t); err != nil {
				return fmt.Errorf("push image %s: %w", t.image.Ref, err)
			}
			return nil
		})
	}
	return work.Wait()
}

func (s *Session) push(ctx context.Context, t tagged) error {
	messages, err := s.engine.API().ImagePush(ctx, t.ref, image.PushOptions{RegistryAuth: s.auth, Platform: s.platform(t.image)})
	if err != nil {
		return err
	}
	defer messages.Close()
	return engine.DrainMessages(messages)
}

// platform selects the platform if possible, because an image may list platforms
// without content.
func (s *Session) platform(i engine.Image) *ocispecs.Platform {
	if versions.LessThan(s.engine.API().ClientVersion(), "1.46") {
		return nil
	}
	p, err := platforms.Parse(i.Platform)
	if err != nil {
		return nil
	}
	return &p
}

// Close removes the tags, also after a canceled push.
func (s *Session) Close(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	for _, t := range s.images {
		s.untag(ctx, t.ref)
	}
}

// untag leaves the tag to the next sweep if it fails.
func (s *Session) untag(ctx context.Context, ref string) {
	_ = s.engine.Call(ctx, func(ctx context.Context) error {
		_, err := s.engine.API().ImageRemove(ctx, ref, image.RemoveOptions{})
		return err
	})
}

// sweepAge is longer than any load.
const sweepAge = 24 * time.Hour

// Sweep removes the tags that killed processes left.
func (s *Session) Sweep(ctx context.Context) {
	pattern := "127.0.0.1:*/" + registry.Repository
	var found []image.Summary
	err := s.engine.Call(ctx, func(ctx context.Context) (err error) {
		found, err = s.engine.API().ImageList(ctx, image.ListOptions{Filters: filters.NewArgs(filters.Arg("reference", pattern))})
		return err
	})
	if err != nil {
		return
	}
	for _, i := range found {
		for _, ref := range i.RepoTags {
			if expired(ref, time.Now()) {
				s.untag(ctx, ref)
			}
		}
	}
}

func newTag(now time.Time, n int) string { return fmt.Sprintf("%d-%d", now.Unix(), n) }

// expired reports whether ref is an old tag of a session.
func expired(ref string, now time.Time) bool {
	address, tag, _ := strings.Cut(ref, "/"+registry.Repository+":")
	seconds, _, _ := strings.Cut(tag, "-")
	created, err := strconv.ParseInt(seconds, 10, 64)
	return err == nil && strings.HasPrefix(address, "127.0.0.1:") && now.Sub(time.Unix(created, 0)) > sweepAge
}
