package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"tkdeploy.dev/tiktok/interaction-service/internal/interactions"
	"tkdeploy.dev/tiktok/interaction-service/internal/store"
	"tkdeploy.dev/tiktok/internal/events"
	"tkdeploy.dev/tiktok/internal/page"
	"tkdeploy.dev/tiktok/internal/postgres"
	"tkdeploy.dev/tiktok/test/pgtest"
)

const (
	alice  = "00000000-0000-4000-8000-00000000000a"
	bob    = "00000000-0000-4000-8000-00000000000b"
	video  = "00000000-0000-4000-8000-000000000001"
	second = "00000000-0000-4000-8000-000000000002"
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

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func drain(t *testing.T, s store.Store) (list []events.Event) {
	t.Helper()
	for {
		worked, err := s.Publish(t.Context(), func(_ context.Context, e []events.Event) ([]string, error) {
			list = append(list, e...)
			return ids(e), nil
		})
		must(t, err)
		if !worked {
			return list
		}
	}
}

func ids(list []events.Event) (ids []string) {
	for _, e := range list {
		ids = append(ids, e.ID)
	}
	return ids
}

func types(list []events.Event) string {
	var names []string
	for _, e := range list {
		names = append(names, string(e.Type))
	}
	return strings.Join(names, " ")
}

func TestStore(t *testing.T) {
	t.Parallel()
	t.Run("counts each action and writes one event", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		a := interactions.Action{User: bob, Video: video, Owner: alice}
		must(t, s.Like(t.Context(), a), s.Like(t.Context(), a), s.View(t.Context(), a), s.View(t.Context(), a))
		comment, err := s.Comment(t.Context(), a, "nice")
		must(t, err)

		stats, err := s.Stats(t.Context(), []string{second, video}, bob)
		must(t, err)
		if want := (interactions.Stats{VideoID: video, Likes: 1, Comments: 1, Views: 2, Liked: true}); len(stats) != 2 || stats[1] != want || stats[0] != (interactions.Stats{VideoID: second}) {
			t.Errorf("Stats: got %+v, want %+v second", stats, want)
		}
		if stats, err := s.Stats(t.Context(), []string{video}, ""); err != nil || stats[0].Liked {
			t.Errorf("Stats without a viewer: got %+v, %v, want liked false", stats, err)
		}
		list, err := s.Comments(t.Context(), video, page.Cursor{}, 10)
		if err != nil || len(list) != 1 || list[0] != comment {
			t.Errorf("Comments: got %+v, %v, want %+v", list, err, comment)
		}

		must(t, s.Unlike(t.Context(), bob, video), s.Unlike(t.Context(), bob, video), s.Unlike(t.Context(), alice, video))
		published := drain(t, s)
		if got, want := types(published), "liked viewed viewed commented unliked"; got != want {
			t.Errorf("got events %s, want %s", got, want)
		}
		for _, e := range published {
			if e.Actor != bob || e.Video != video || e.Owner != alice || e.ID == "" || e.Time.IsZero() {
				t.Errorf("unexpected event %+v", e)
			}
		}
		if again := drain(t, s); len(again) != 0 {
			t.Errorf("second drain: got %+v, want no events", again)
		}
	})

	t.Run("deletes interactions without events", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		fill := func() {
			for _, a := range []interactions.Action{{User: bob, Video: video, Owner: alice}, {User: alice, Video: second, Owner: bob}} {
				must(t, s.Like(t.Context(), a), s.View(t.Context(), a))
				_, err := s.Comment(t.Context(), a, "nice")
				must(t, err)
			}
			drain(t, s)
		}
		check := func(when string, want ...interactions.Stats) {
			t.Helper()
			for i, got := range stats(t, s) {
				if got != want[i] {
					t.Errorf("%s: got %+v, want %+v", when, got, want[i])
				}
			}
			if list := drain(t, s); len(list) != 0 {
				t.Errorf("%s: got events %s, want none", when, types(list))
			}
		}
		fill()
		must(t, s.DeleteVideo(t.Context(), video))
		check("after DeleteVideo", interactions.Stats{VideoID: video}, interactions.Stats{VideoID: second, Likes: 1, Comments: 1, Views: 1})
		fill()
		must(t, s.DeleteUser(t.Context(), alice), s.DeleteUser(t.Context(), alice))
		check("after DeleteUser", interactions.Stats{VideoID: video}, interactions.Stats{VideoID: second, Views: 2}) // alice's views still count
	})
}

func stats(t *testing.T, s store.Store) []interactions.Stats {
	t.Helper()
	list, err := s.Stats(t.Context(), []string{video, second}, "")
	must(t, err)
	return list
}

func TestStore_Publish(t *testing.T) {
	t.Parallel()
	t.Run("repeats events that were not sent", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		a := interactions.Action{User: bob, Video: video, Owner: alice}
		must(t, s.Like(t.Context(), a), s.View(t.Context(), a))
		errAway := errors.New("away")
		var offered []events.Event
		_, err := s.Publish(t.Context(), func(_ context.Context, e []events.Event) ([]string, error) {
			offered = e
			return ids(e[:1]), errAway // the first was acknowledged
		})
		if !errors.Is(err, errAway) {
			t.Errorf("got %v, want %v", err, errAway)
		}
		if rest := drain(t, s); len(rest) != 1 || rest[0].ID != offered[1].ID {
			t.Errorf("got %+v, want the second of %+v", rest, offered)
		}
	})

	t.Run("publishes once with several publishers", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		const videos, each = 8, 20
		for range each {
			for v := range videos {
				must(t, s.View(t.Context(), interactions.Action{User: bob, Video: fmt.Sprintf("00000000-0000-4000-8000-%012x", v), Owner: alice}))
			}
		}
		var mu sync.Mutex
		var order []string // in the order of sending
		var pods sync.WaitGroup
		for range 4 {
			pods.Go(func() {
				for {
					worked, err := s.Publish(t.Context(), func(_ context.Context, e []events.Event) ([]string, error) {
						mu.Lock()
						defer mu.Unlock()
						order = append(order, ids(e)...)
						return ids(e), nil
					})
					if err != nil {
						t.Error(err)
					}
					if !worked || err != nil {
						return
					}
				}
			})
		}
		// Add an event while the others are being published.
		must(t, s.Like(t.Context(), interactions.Action{User: bob, Video: video, Owner: alice}))
		pods.Wait()
		order = append(order, ids(drain(t, s))...)
		seen := map[string]bool{}
		for _, id := range order {
			if seen[id] {
				t.Errorf("event %s published twice", id)
			}
			seen[id] = true
		}
		if len(seen) != videos*each+1 {
			t.Errorf("got %d events, want %d", len(seen), videos*each+1)
		}
	})
}
