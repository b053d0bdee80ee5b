// Package notifications is what notification-service does: it turns events into
// notifications and shows them to the users that they are for. It knows nothing
// of gRPC, PostgreSQL or Kafka.
package notifications

import (
	"context"
	"time"

	"tkdeploy.dev/tiktok/internal/events"
	"tkdeploy.dev/tiktok/internal/page"
	"tkdeploy.dev/tiktok/internal/refusal"
)

// ErrNotFound says that the user has no such notification.
var ErrNotFound = refusal.New(refusal.NotFound, "no such notification")

// A Notification tells a user what another did to a video of the user.
type Notification struct {
	ID        string // the event's
	Type      string
	ActorID   string
	VideoID   string
	CreatedAt time.Time // when it was done
	Read      bool
}

// Store keeps notifications.
type Store interface {
	// Add stores the notifications of events; an event that it has seen before
	// changes nothing.
	Add(ctx context.Context, list []events.Event) error
	// List reads up to limit notifications of a user behind a place in the list.
	List(ctx context.Context, user string, after page.Cursor, limit int) ([]Notification, error)
	Unread(ctx context.Context, user string) (int64, error)
	// MarkRead returns [ErrNotFound] if the user has no such notification.
	MarkRead(ctx context.Context, user, id string) error
	DeleteVideo(ctx context.Context, video string) error
	// DeleteUser deletes what is for a user, and what tells of the user.
	DeleteUser(ctx context.Context, user string) error
}

// A Service carries what it works with.
type Service struct{ Store Store }

// Take stores what there is to tell of events. Events may come again.
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

// notifies says whether the video's owner wants to know. What users do to their
// own videos they know already.
func notifies(e events.Event) bool {
	return (e.Type == events.Liked || e.Type == events.Commented) && e.Actor != e.Owner
}

// A Page is a part of a user's notifications.
type Page struct {
	Notifications []Notification
	Next          page.Cursor // zero after the last page
	Unread        int64       // on all pages
}

// List reads a page of a user's notifications, the newest first.
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

// MarkRead marks a notification of the user as read, or returns [ErrNotFound].
func (s *Service) MarkRead(ctx context.Context, user, id string) error {
	if !refusal.IsUUID(id) {
		return ErrNotFound
	}
	return s.Store.MarkRead(ctx, user, id)
}

// DeleteVideo forgets the notifications about a video.
func (s *Service) DeleteVideo(ctx context.Context, video string) error {
	if !refusal.IsUUID(video) {
		return refusal.New(refusal.NotFound, "no such video")
	}
	return s.Store.DeleteVideo(ctx, video)
}

// DeleteUser forgets a user.
func (s *Service) DeleteUser(ctx context.Context, user string) error {
	return s.Store.DeleteUser(ctx, user)
}
