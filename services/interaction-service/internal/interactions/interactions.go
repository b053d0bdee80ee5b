// Package interactions stores likes, comments and views with their events,
// independent of gRPC, PostgreSQL and Kafka.
package interactions

import (
	"context"
	"strings"
	"time"

	"tkdeploy.dev/tiktok/internal/page"
	"tkdeploy.dev/tiktok/internal/refusal"
)

// ErrNotFound means that there is no such video.
var ErrNotFound = refusal.New(refusal.NotFound, "no such video")

// Action holds ids.
type Action struct{ User, Video, Owner string }

// Comment is a comment on a video.
type Comment struct {
	ID        string
	UserID    string
	Text      string
	CreatedAt time.Time
}

// Stats holds the counts of a video.
type Stats struct {
	VideoID                string
	Likes, Comments, Views int64
	Liked                  bool // by the viewer
}

// Store stores interactions. A change and its event are written in one
// transaction. Without a change there is no event.
type Store interface {
	Like(ctx context.Context, a Action) error
	Unlike(ctx context.Context, user, video string) error
	Comment(ctx context.Context, a Action, text string) (Comment, error)
	View(ctx context.Context, a Action) error
	// Comments returns up to limit comments after a cursor.
	Comments(ctx context.Context, video string, after page.Cursor, limit int) ([]Comment, error)
	// Stats keeps the order of videos.
	Stats(ctx context.Context, videos []string, viewer string) ([]Stats, error)
	// DeleteVideo and DeleteUser write no events.
	DeleteVideo(ctx context.Context, video string) error
	DeleteUser(ctx context.Context, user string) error
}

// Videos finds the owners of videos.
type Videos interface {
	// Owner may return [ErrNotFound].
	Owner(ctx context.Context, video string) (string, error)
}

// Service manages interactions.
type Service struct {
	Store  Store
	Videos Videos
	// Wake is called when there may be a new event.
	Wake func()
}

// Like likes a video, or returns [ErrNotFound]. A second like changes nothing.
func (s *Service) Like(ctx context.Context, user, video string) error {
	return s.act(ctx, user, video, func(a Action) error { return s.Store.Like(ctx, a) })
}

// Unlike removes a like, even that of a deleted video.
func (s *Service) Unlike(ctx context.Context, user, video string) error {
	if !refusal.IsUUID(video) {
		return ErrNotFound
	}
	defer s.Wake()
	return s.Store.Unlike(ctx, user, video)
}

// Comment adds a comment, or returns [ErrNotFound].
func (s *Service) Comment(ctx context.Context, user, video, text string) (comment Comment, err error) {
	text = strings.TrimSpace(text)
	var fields refusal.Fields
	fields.Check(refusal.Printable(text, 1, 500), "text", "must have 1 to 500 characters")
	if err := fields.Err(); err != nil {
		return Comment{}, err
	}
	err = s.act(ctx, user, video, func(a Action) error {
		comment, err = s.Store.Comment(ctx, a, text)
		return err
	})
	return comment, err
}

// View counts a view, or returns [ErrNotFound].
func (s *Service) View(ctx context.Context, user, video string) error {
	return s.act(ctx, user, video, func(a Action) error { return s.Store.View(ctx, a) })
}

func (s *Service) act(ctx context.Context, user, video string, do func(Action) error) error {
	owner, err := s.Videos.Owner(ctx, video)
	if err != nil {
		return err
	}
	defer s.Wake()
	return do(Action{User: user, Video: video, Owner: owner})
}

// Comments returns a page of comments.
func (s *Service) Comments(ctx context.Context, video string, r page.Request) ([]Comment, page.Cursor, error) {
	if !refusal.IsUUID(video) {
		return nil, page.Cursor{}, ErrNotFound
	}
	list, err := s.Store.Comments(ctx, video, r.After, r.Size+1)
	if err != nil {
		return nil, page.Cursor{}, err
	}
	list, next := page.Cut(list, r.Size, func(c Comment) page.Cursor { return page.Cursor{Time: c.CreatedAt, ID: c.ID} })
	return list, next, nil
}

// Stats returns the counts of videos. viewer may be empty.
func (s *Service) Stats(ctx context.Context, videos []string, viewer string) ([]Stats, error) {
	var fields refusal.Fields
	fields.Check(len(videos) <= 100, "video_ids", "must be up to 100")
	for _, id := range videos {
		fields.Check(refusal.IsUUID(id), "video_ids", "must be UUIDs")
	}
	if err := fields.Err(); err != nil {
		return nil, err
	}
	return s.Store.Stats(ctx, videos, viewer)
}

// DeleteVideo deletes a video's interactions.
func (s *Service) DeleteVideo(ctx context.Context, video string) error {
	if !refusal.IsUUID(video) {
		return ErrNotFound
	}
	return s.Store.DeleteVideo(ctx, video)
}

// DeleteUser deletes a user's interactions and those with the user's videos.
func (s *Service) DeleteUser(ctx context.Context, user string) error {
	return s.Store.DeleteUser(ctx, user)
}
