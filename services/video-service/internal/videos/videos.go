// Package videos is the domain of video-service. It stores videos and lists them
// in a feed, newest first, independent of gRPC, PostgreSQL and Redis.
package videos

import (
	"context"
	"time"

	"tkdeploy.dev/tiktok/internal/page"
	"tkdeploy.dev/tiktok/internal/refusal"
)

// Video is an entry of the feed. It has either a URL, or content of type
// ContentType, which is read separately.
type Video struct {
	ID          string
	OwnerID     string
	Title       string
	Description string
	URL         string
	ContentType string
	CreatedAt   time.Time
}

// Place returns the video's position in the feed.
func (v Video) Place() page.Cursor { return page.Cursor{Time: v.CreatedAt, ID: v.ID} }

// Content is the content of a video that was posted without a URL.
type Content struct {
	Type string
	Data []byte
}

// Page is a page of the feed.
type Page struct {
	Videos    []Video
	Next      page.Cursor // zero after the last page
	FromCache bool        `json:"-"`
}

// The refusals of this package.
var (
	ErrNotFound  = refusal.New(refusal.NotFound, "no such video")
	ErrForbidden = refusal.New(refusal.Forbidden, "the video is another user's")
)

// Store stores videos.
type Store interface {
	Create(ctx context.Context, p Post) (Video, error)
	// ByID returns [ErrNotFound] if there is no such video.
	ByID(ctx context.Context, id string) (Video, error)
	// Content returns [ErrNotFound] if there is no such video, or it has no
	// content.
	Content(ctx context.Context, id string) (Content, error)
	// Titles maps the known ids to titles.
	Titles(ctx context.Context, ids []string) (map[string]string, error)
	// List returns up to limit videos after a position in the feed.
	List(ctx context.Context, after page.Cursor, limit int) ([]Video, error)
	// Delete returns [ErrNotFound] or [ErrForbidden] if the owner has no such video.
	Delete(ctx context.Context, id, ownerID string) error
	// DeleteOf deletes all videos of an owner and returns their number.
	DeleteOf(ctx context.Context, ownerID string) (int64, error)
}

// Cache caches the first page of the feed for a short time. It returns no
// errors: without it the feed comes from the store.
type Cache interface {
	// First returns the cached page if there is one. Otherwise put stores the
	// page that is read next, unless the feed changes before that.
	First(ctx context.Context) (p Page, found bool, put func(context.Context, Page))
	// Invalidate is called after each change.
	Invalidate(ctx context.Context)
}

// Service implements the domain with its dependencies.
type Service struct {
	Store Store
	Cache Cache
}

// Create posts a video. The next read of the feed includes it.
func (s *Service) Create(ctx context.Context, p Post) (Video, error) {
	p = p.normal()
	if err := p.validate(); err != nil {
		return Video{}, err
	}
	video, err := s.Store.Create(ctx, p)
	if err != nil {
		return Video{}, err
	}
	s.changed(ctx)
	return video, nil
}

// Video returns a video, or [ErrNotFound].
func (s *Service) Video(ctx context.Context, id string) (Video, error) { return s.Store.ByID(ctx, id) }

// Content returns the content of a video, or [ErrNotFound].
func (s *Service) Content(ctx context.Context, id string) (Content, error) {
	return s.Store.Content(ctx, id)
}

// Titles maps the known ids to titles.
func (s *Service) Titles(ctx context.Context, ids []string) (map[string]string, error) {
	return s.Store.Titles(ctx, ids)
}

// Feed returns a page of the feed. The first page of the default size comes from
// the cache if possible.
func (s *Service) Feed(ctx context.Context, r page.Request) (Page, error) {
	if r != (page.Request{Size: page.DefaultSize}) {
		return s.read(ctx, r)
	}
	cached, found, put := s.Cache.First(ctx)
	if found {
		cached.FromCache = true
		return cached, nil
	}
	fresh, err := s.read(ctx, r)
	if err == nil {
		put(ctx, fresh)
	}
	return fresh, err
}

func (s *Service) read(ctx context.Context, r page.Request) (Page, error) {
	list, err := s.Store.List(ctx, r.After, r.Size+1)
	if err != nil {
		return Page{}, err
	}
	list, next := page.Cut(list, r.Size, Video.Place)
	return Page{Videos: list, Next: next}, nil
}

// Delete deletes a video of the owner, or returns [ErrNotFound] or [ErrForbidden].
func (s *Service) Delete(ctx context.Context, id, ownerID string) error {
	if err := s.Store.Delete(ctx, id, ownerID); err != nil {
		return err
	}
	s.changed(ctx)
	return nil
}

// DeleteOf deletes all videos of an owner.
func (s *Service) DeleteOf(ctx context.Context, ownerID string) error {
	deleted, err := s.Store.DeleteOf(ctx, ownerID)
	if deleted > 0 {
		s.changed(ctx)
	}
	return err
}

// changed ignores cancellation, because the change is already in the store.
func (s *Service) changed(ctx context.Context) { s.Cache.Invalidate(context.WithoutCancel(ctx)) }
