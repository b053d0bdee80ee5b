// Package videos manages videos and their feed, independent of gRPC, PostgreSQL
// and Redis.
package videos

import (
	"context"
	"time"

	"tkdeploy.dev/tiktok/internal/page"
	"tkdeploy.dev/tiktok/internal/refusal"
)

// Video has either a URL or content of type ContentType, which is read
// separately.
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

// Content is the posted file of a video.
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

// The refusals.
var (
	ErrNotFound  = refusal.New(refusal.NotFound, "no such video")
	ErrForbidden = refusal.New(refusal.Forbidden, "the video is another user's")
)

// Store stores videos.
type Store interface {
	Create(ctx context.Context, p Post) (Video, error)
	// ByID may return [ErrNotFound].
	ByID(ctx context.Context, id string) (Video, error)
	// Content returns [ErrNotFound] also if the video has no content.
	Content(ctx context.Context, id string) (Content, error)
	// Titles maps known ids to titles.
	Titles(ctx context.Context, ids []string) (map[string]string, error)
	// List returns up to limit videos after a cursor.
	List(ctx context.Context, after page.Cursor, limit int) ([]Video, error)
	// Delete may return [ErrNotFound] or [ErrForbidden].
	Delete(ctx context.Context, id, ownerID string) error
	// DeleteOf returns the number of deleted videos.
	DeleteOf(ctx context.Context, ownerID string) (int64, error)
}

// Cache caches the feed's first page. It returns no errors, because the store
// can always replace it.
type Cache interface {
	// First returns the cached page, if any. Otherwise put stores the page that
	// is read next, unless the feed changes first.
	First(ctx context.Context) (p Page, found bool, put func(context.Context, Page))
	// Invalidate is called after each change.
	Invalidate(ctx context.Context)
}

// Service manages videos.
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

// Titles maps known ids to titles.
func (s *Service) Titles(ctx context.Context, ids []string) (map[string]string, error) {
	return s.Store.Titles(ctx, ids)
}

// Feed returns a page of the feed. The first page of the default size may come
// from the cache.
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

// changed ignores cancellation, because the change is stored.
func (s *Service) changed(ctx context.Context) { s.Cache.Invalidate(context.WithoutCancel(ctx)) }
