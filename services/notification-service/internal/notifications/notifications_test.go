package notifications_test

import (
	"context"
	"errors"
	"testing"

	"tkdeploy.dev/tiktok/internal/events"
	"tkdeploy.dev/tiktok/notification-service/internal/notifications"
)

type fakeStore struct {
	notifications.Store
	added []events.Event
	calls int
}

func (w *fakeStore) Add(_ context.Context, list []events.Event) error {
	w.calls++
	w.added = append(w.added, list...)
	return nil
}

func TestService_Take(t *testing.T) {
	t.Parallel()
	t.Run("notifies owners of other users' actions", func(t *testing.T) {
		t.Parallel()
		w := &fakeStore{}
		s := &notifications.Service{Store: w}
		err := s.Take(t.Context(), []events.Event{
			{ID: "1", Type: events.Liked, Actor: "b", Owner: "a"},
			{ID: "2", Type: events.Liked, Actor: "a", Owner: "a"},
			{ID: "3", Type: events.Unliked, Actor: "b", Owner: "a"},
			{ID: "4", Type: events.Viewed, Actor: "b", Owner: "a"},
			{ID: "5", Type: events.Commented, Actor: "b", Owner: "a"},
			{ID: "6", Type: "unknown", Actor: "b", Owner: "a"},
		})
		if err != nil || len(w.added) != 2 || w.added[0].ID != "1" || w.added[1].ID != "5" {
			t.Errorf("got %+v, %v, want events 1 and 5", w.added, err)
		}
		if err := s.Take(t.Context(), []events.Event{{Type: events.Viewed}}); err != nil || w.calls != 1 {
			t.Errorf("got %d calls of Add, %v, want 1", w.calls, err)
		}
	})
}

func TestService(t *testing.T) {
	t.Parallel()
	t.Run("rejects invalid ids", func(t *testing.T) {
		t.Parallel()
		s := &notifications.Service{Store: &fakeStore{}}
		if err := s.MarkRead(t.Context(), "u", "x"); !errors.Is(err, notifications.ErrNotFound) {
			t.Errorf("MarkRead: got %v, want %v", err, notifications.ErrNotFound)
		}
		if err := s.DeleteVideo(t.Context(), "x"); err == nil {
			t.Error("DeleteVideo: got no error for an invalid id")
		}
	})
}
