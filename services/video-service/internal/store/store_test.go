package store_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tiktok/internal/page"
	"tkdeploy.dev/tiktok/internal/postgres"
	"tkdeploy.dev/tiktok/test/pgtest"
	"tkdeploy.dev/tiktok/video-service/internal/store"
	"tkdeploy.dev/tiktok/video-service/internal/videos"
)

const (
	alice  = "00000000-0000-4000-8000-00000000000a"
	bob    = "00000000-0000-4000-8000-00000000000b"
	nobody = "00000000-0000-0000-0000-000000000000"
)

func open(t *testing.T) (store.Store, *pgtest.Server) {
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
	return store.Store{Pool: pool}, server
}

func create(t *testing.T, s store.Store, p videos.Post) videos.Video {
	t.Helper()
	v, err := s.Create(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestStore(t *testing.T) {
	t.Parallel()
	s, server := open(t)
	linked := create(t, s, videos.Post{OwnerID: alice, Title: "linked", Description: "d", URL: "https://example.com/a.mp4"})
	png := videos.Content{Type: "image/png", Data: []byte{0, 1, 255}}
	held := create(t, s, videos.Post{OwnerID: bob, Title: "held", Content: png})
	if linked.OwnerID != alice || linked.Title != "linked" || linked.Description != "d" || linked.URL == "" || linked.ContentType != "" || time.Since(linked.CreatedAt) > time.Minute {
		t.Errorf("Create: got %+v, want the post created now", linked)
	}
	for _, want := range []videos.Video{linked, held} {
		if got, err := s.ByID(t.Context(), want.ID); got != want || err != nil {
			t.Errorf("ByID: got %+v, %v, want %+v", got, err, want)
		}
	}
	if got, err := s.Content(t.Context(), held.ID); err != nil || !cmp.Equal(got, png) {
		t.Errorf("Content: got error %v, content (-want +got):\n%s", err, cmp.Diff(png, got))
	}
	if _, err := s.Content(t.Context(), linked.ID); !errors.Is(err, videos.ErrNotFound) {
		t.Errorf("Content of a video with a URL: got %v, want %v", err, videos.ErrNotFound)
	}
	for _, id := range []string{"", "x", nobody} {
		if _, err := s.ByID(t.Context(), id); !errors.Is(err, videos.ErrNotFound) {
			t.Errorf("ByID %q: got %v, want %v", id, err, videos.ErrNotFound)
		}
		if _, err := s.Content(t.Context(), id); !errors.Is(err, videos.ErrNotFound) {
			t.Errorf("Content %q: got %v, want %v", id, err, videos.ErrNotFound)
		}
		if err := s.Delete(t.Context(), id, alice); !errors.Is(err, videos.ErrNotFound) {
			t.Errorf("Delete %q: got %v, want %v", id, err, videos.ErrNotFound)
		}
	}

	titles, err := s.Titles(t.Context(), []string{linked.ID, held.ID, nobody, "x"})
	if want := map[string]string{linked.ID: "linked", held.ID: "held"}; err != nil || !cmp.Equal(titles, want) {
		t.Errorf("Titles: got error %v, titles (-want +got):\n%s", err, cmp.Diff(want, titles))
	}
	if err := s.Delete(t.Context(), held.ID, alice); !errors.Is(err, videos.ErrForbidden) {
		t.Errorf("Delete by another user: got %v, want %v", err, videos.ErrForbidden)
	}
	if err := s.Delete(t.Context(), held.ID, bob); err != nil {
		t.Error(err)
	}
	if _, err := s.Content(t.Context(), held.ID); !errors.Is(err, videos.ErrNotFound) {
		t.Errorf("Content of a deleted video: got %v, want %v", err, videos.ErrNotFound)
	}
	for i, want := range []int64{1, 0} {
		if n, err := s.DeleteOf(t.Context(), alice); n != want || err != nil {
			t.Errorf("DeleteOf, call %d: got %d, %v, want %d", i, n, err, want)
		}
	}
	server.Stop(t)
	if _, err := s.ByID(t.Context(), linked.ID); !postgres.Unreachable(err) {
		t.Errorf("without the database: got %v, want an unreachable error", err)
	}
}

func TestStore_List(t *testing.T) {
	t.Parallel()
	t.Run("lists every video once", func(t *testing.T) {
		t.Parallel()
		s, _ := open(t)
		const n = 7
		// Rows of one statement have the same time, so their ids order them.
		if _, err := s.Pool.Exec(t.Context(), `INSERT INTO video.videos (owner_id, title, description, url)
		SELECT $1, n::text, '', 'https://example.com' FROM generate_series(1, $2) n`, alice, n); err != nil {
			t.Fatal(err)
		}
		newest := create(t, s, videos.Post{OwnerID: alice, Title: "newest", URL: "https://example.com"})
		seen := map[string]bool{}
		feed := &videos.Service{Store: s}
		r := page.Request{Size: 3}
		for pages := 1; ; pages++ {
			p, err := feed.Feed(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			if pages == 1 {
				if p.Videos[0] != newest {
					t.Errorf("first video: got %+v, want %+v", p.Videos[0], newest)
				}
				create(t, s, videos.Post{OwnerID: alice, Title: "late", URL: "https://example.com"})
			}
			for _, v := range p.Videos {
				if seen[v.ID] || v.Title == "late" {
					t.Errorf("unexpected video %s", v.Title)
				}
				seen[v.ID] = true
			}
			if p.Next == (page.Cursor{}) {
				if pages != 3 || len(seen) != n+1 {
					t.Errorf("got %d pages, %d videos, want 3 and %d", pages, len(seen), n+1)
				}
				return
			}
			if r, err = page.Parse(3, p.Next.String()); err != nil { // as sent by a client
				t.Fatal(err)
			}
		}
	})
}
