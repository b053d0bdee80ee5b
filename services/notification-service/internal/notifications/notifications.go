// Package notifications turns events into notifications, independent of gRPC,
// PostgreSQL and Kafka.
package notifications

import (
	"context"
	"time"

	"tkdeploy.dev/tiktok/internal/events"
	"tkdeploy.dev/tiktok/internal/page"
	"tkdeploy.dev/tiktok/internal/refusal"
)

// ErrNotFound means that the user has no such notification.
var ErrNotFound = refusal.New(refusal.NotFound, "no such notification")

// Notification reports another user's action on a video.
type Notification struct {
	ID        string // the event's
	Type      string
	ActorID   string
	VideoID   string
	CreatedAt time.Time // of the action
	Read      bool
}

// Store stores notifications.
type Store interface {
	// Add ignores events that are already stored.
	Add(ctx context.Context, list []events.Event) error
	// List returns up to limit notifications after a cursor.
	List(ctx context.Context, user string, after page.Cursor, limit int) ([]Notification, error)
	Unread(ctx context.Context, user string) (int64, error)
	// MarkRead may return [ErrNotFound].
	MarkRead(ctx context.Context, user, id string) error
	DeleteVideo(ctx context.Context, video string) error
	// DeleteUser deletes the notifications for and about a user.
	DeleteUser(ctx context.Context, user string) error
}

// Service manages notifications.
type Service struct{ Store Store }

// Take stores the notifications of events. Repeated events have no effect.
func (s *Service) Take(ctx context.Context, list []events.Event) error {
	var worth []events.Event
	for _, event := range list {
		if notifies(event) {
			worth = append(worth, event)
		}
	}
	if len(worth) == 0 {
		return nil
	}
	return s.Store.Add(ctx, worth)
}

// notifies is false for views, unlikes, and actions on one's own videos.
func notifies(e events.Event) bool {
	return (e.Type == events.Liked || e.Type == events.Commented) && e.Actor != e.Owner
}

// Page is a page of notifications.
type Page struct {
	Notifications []Notification
	Next          page.Cursor // zero after the last page
	Unread        int64       // on all pages
}

// List returns a page of a user's notifications, newest first.
func (s *Service) List(ctx context.Context, user string, r page.Request) (Page, error) {
	list, err := s.Store.List(ctx, user, r.After, r.Size+1)
	if err != nil {
		return Page{}, err
	}
	unread, err := s.Store.Unread(ctx, user)
	if err != nil {
		return Page{}, err
	}
	list, next := page.Cut(list, r.Size, func(n Notification) page.Cursor { return page.Cursor{Time: n.CreatedAt, ID: n.ID} })
	return Page{Notifications: list, Next: next, Unread: unread}, nil
}

// MarkRead marks a notification as read, or returns [ErrNotFound].
func (s *Service) MarkRead(ctx context.Context, user, id string) error {
	if !refusal.IsUUID(id) {
		return ErrNotFound
	}
	return s.Store.MarkRead(ctx, user, id)
}

// DeleteVideo deletes the notifications about a video.
func (s *Service) DeleteVideo(ctx context.Context, video string) error {
	if !refusal.IsUUID(video) {
		return refusal.New(refusal.NotFound, "no such video")
	}
	return s.Store.DeleteVideo(ctx, video)
}

// DeleteUser deletes the notifications for and about a user.
func (s *Service) DeleteUser(ctx context.Context, user string) error {
	return s.Store.DeleteUser(ctx, user)
}
