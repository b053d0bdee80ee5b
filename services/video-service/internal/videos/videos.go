// Package videos is what video-service does: it keeps videos and shows them in a
// feed, the newest first. It knows nothing of gRPC, PostgreSQL or Redis.
package videos

import (
	"context"
	"time"

	"tkdeploy.dev/tiktok/internal/page"
	"tkdeploy.dev/tiktok/internal/refusal"
)

// A Video is what the feed shows. It has a URL, or content of a ContentType
// that is read by itself.
type Video struct {
	ID          string
	OwnerID     string
	Title       string
	Description string
	URL         string
	ContentType string
	CreatedAt   time.Time
}

// Place is the video's place in the feed.
func (v Video) Place() page.Cursor { return page.Cursor{Time: v.CreatedAt, ID: v.ID} }

// Content is what was posted with a video.
type Content struct {
	Type string
	Data []byte
}

// A Page is a part of the feed.
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

// Store keeps videos.
type Store interface {
	Create(ctx context.Context, p Post) (Video, error)
	// ByID returns [ErrNotFound] if there is no such video.
	ByID(ctx context.Context, id string) (Video, error)
	// Content returns [ErrNotFound] if there is no such video, or none in it.
	Content(ctx context.Context, id string) (Content, error)
	// Titles maps the ids that are there to titles.
	Titles(ctx context.Context, ids []string) (map[string]string, error)
	// List reads up to limit videos behind a place in the feed.
	List(ctx context.Context, after page.Cursor, limit int) ([]Video, error)
	// Delete returns [ErrNotFound] or [ErrForbidden] if the owner has no such video.
	Delete(ctx context.Context, id, ownerID string) error
	// DeleteOf deletes all videos of an owner and tells how many.
	DeleteOf(ctx context.Context, ownerID string) (int64, error)
}

// Cache keeps the feed's first page for a short time. It has no errors: without
// it the feed comes from the store.
type Cache interface {
	// First returns the page if there is one. If not, put takes the page that is
	// read after this call; a change meanwhile makes that void.
	First(ctx context.Context) (p Page, found bool, put func(context.Context, Page))
	// Invalidate is called after each change.
	Invalidate(ctx context.Context)
}

// A Service carries the parts that it works with.
type Service struct {
	Store Store
	Cache Cache
}

// Create posts a video: the next feed shows it.
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

// Video reads a video, or returns [ErrNotFound].
func (s *Service) Video(ctx context.Context, id string) (Video, error) { return s.Store.ByID(ctx, id) }

// Content reads the content of a video, or returns [ErrNotFound].
func (s *Service) Content(ctx context.Context, id string) (Content, error) {
	return s.Store.Content(ctx, id)
}

// Titles maps the ids that are there to titles.
func (s *Service) Titles(ctx context.Context, ids []string) (map[string]string, error) {
	return s.Store.Titles(ctx, ids)
}

// Feed reads a page of the feed: the first one, at its usual size, from the
// cache if it can.
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

// changed goes on for a caller that goes away: the change is in the store.
func (s *Service) changed(ctx context.Context) { s.Cache.Invalidate(context.WithoutCancel(ctx)) }
