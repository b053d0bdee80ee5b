package store_test

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"tkdeploy.dev/tiktok/internal/events"
	"tkdeploy.dev/tiktok/internal/page"
	"tkdeploy.dev/tiktok/internal/postgres"
	"tkdeploy.dev/tiktok/notification-service/internal/notifications"
	"tkdeploy.dev/tiktok/notification-service/internal/store"
	"tkdeploy.dev/tiktok/test/pgtest"
)

const (
	alice = "00000000-0000-4000-8000-00000000000a"
	bob   = "00000000-0000-4000-8000-00000000000b"
	video = "00000000-0000-4000-8000-000000000001"
)

func open(t *testing.T) store.Store {
	t.Helper()
	server := pgtest.New(t)
	server.Start(t)
	pool, err := postgres.Open(t.Context(), server.Config, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	schema := &postgres.Schema{Pool: pool, Name: store.Schema, Migrations: store.Migrations(), Log: slog.New(slog.DiscardHandler)}
	if err := schema.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store.Store{Pool: pool}
}

func event(n int) events.Event {
	return events.Event{
		ID: fmt.Sprintf("00000000-0000-4000-8000-%012d", n), Type: events.Liked, Actor: bob, Video: video, Owner: alice,
		Time: time.UnixMicro(1767323045000000 + int64(n)),
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func TestStore_Add(t *testing.T) {
	t.Parallel()
	t.Run("ignores repeated events", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		service := &notifications.Service{Store: s}
		must(t, s.Add(t.Context(), []events.Event{event(1), event(1), event(2)}))
		must(t, service.MarkRead(t.Context(), alice, event(1).ID), service.MarkRead(t.Context(), alice, event(1).ID))
		must(t, s.Add(t.Context(), []events.Event{event(2), event(1), event(3)}))

		first, err := service.List(t.Context(), alice, page.Request{Size: 2})
		must(t, err)
		if list := first.Notifications; len(list) != 2 || list[0].ID != event(3).ID || list[1].ID != event(2).ID || first.Unread != 2 {
			t.Errorf("first page: got %+v, want events 3 and 2 with 2 unread", first)
		}
		rest, err := service.List(t.Context(), alice, page.Request{Size: 2, After: first.Next})
		must(t, err)
		want := notifications.Notification{ID: event(1).ID, Type: "liked", ActorID: bob, VideoID: video, CreatedAt: event(1).Time, Read: true}
		if list := rest.Notifications; len(list) != 1 || list[0] != want || rest.Next != (page.Cursor{}) {
			t.Errorf("second page: got %+v, want %+v", rest, want)
		}
		for name, err := range map[string]error{
			"another user's notification": service.MarkRead(t.Context(), bob, event(2).ID), "unknown notification": service.MarkRead(t.Context(), alice, event(9).ID),
		} {
			if !errors.Is(err, notifications.ErrNotFound) {
				t.Errorf("MarkRead of %s: got %v, want %v", name, err, notifications.ErrNotFound)
			}
		}
	})

	t.Run("stores all events or none", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		bad := event(2)
		bad.Actor = "x"
		if err := s.Add(t.Context(), []events.Event{event(1), bad}); err == nil {
			t.Error("got no error for an invalid event")
		}
		if n, err := s.Unread(t.Context(), alice); n != 0 || err != nil {
			t.Errorf("got %d notifications, %v, want 0", n, err)
		}
	})
}

func TestStore(t *testing.T) {
	t.Parallel()
	t.Run("deletes notifications", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		for name, remove := range map[string]func() error{
			"DeleteVideo":             func() error { return s.DeleteVideo(t.Context(), video) },
			"DeleteUser of the owner": func() error { return s.DeleteUser(t.Context(), alice) },
			"DeleteUser of the actor": func() error { return s.DeleteUser(t.Context(), bob) },
		} {
			must(t, s.Add(t.Context(), []events.Event{event(1)}), remove(), remove())
			if n, err := s.Unread(t.Context(), alice); n != 0 || err != nil {
				t.Errorf("%s: got %d notifications, %v, want 0", name, n, err)
			}
		}
	})
}
