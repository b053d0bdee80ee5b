package videos_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"tkdeploy.dev/tiktok/internal/page"
	"tkdeploy.dev/tiktok/internal/refusal"
	"tkdeploy.dev/tiktok/video-service/internal/videos"
)

type fakes struct {
	videos.Store
	list   []videos.Video
	reads  int
	cached *videos.Page
	broken error
}

func (w *fakes) Create(_ context.Context, p videos.Post) (videos.Video, error) {
	v := videos.Video{ID: p.Title, OwnerID: p.OwnerID, Title: p.Title, URL: p.URL}
	w.list = append([]videos.Video{v}, w.list...)
	return v, w.broken
}

func (w *fakes) List(_ context.Context, _ page.Cursor, limit int) ([]videos.Video, error) {
	w.reads++
	return w.list[:min(limit, len(w.list))], w.broken
}

func (w *fakes) Delete(context.Context, string, string) error { return w.broken }

func (w *fakes) DeleteOf(context.Context, string) (int64, error) { return int64(len(w.list)), w.broken }

func (w *fakes) First(context.Context) (videos.Page, bool, func(context.Context, videos.Page)) {
	put := func(_ context.Context, p videos.Page) { w.cached = &p }
	if w.cached == nil {
		return videos.Page{}, false, put
	}
	return *w.cached, true, put
}

func (w *fakes) Invalidate(context.Context) { w.cached = nil }

var (
	aPost = videos.Post{OwnerID: "u1", Title: "cat", URL: "https://example.com/cat.mp4"}
	first = page.Request{Size: page.DefaultSize}
)

func TestService_Feed(t *testing.T) {
	t.Parallel()
	t.Run("caches the first page until a change", func(t *testing.T) {
		t.Parallel()
		w := &fakes{}
		s := &videos.Service{Store: w, Cache: w}
		read := func(when string, fromCache bool, n int) {
			t.Helper()
			if p, err := s.Feed(t.Context(), first); err != nil || p.FromCache != fromCache || len(p.Videos) != n {
				t.Errorf("%s: got %+v, %v, want %d videos, from cache %t", when, p, err, n, fromCache)
			}
		}
		read("first read", false, 0)
		read("second read", true, 0)
		if _, err := s.Create(t.Context(), aPost); err != nil {
			t.Fatal(err)
		}
		read("after Create", false, 1)
		read("second read after Create", true, 1)
		if err := s.Delete(t.Context(), "cat", "u1"); err != nil {
			t.Fatal(err)
		}
		read("after Delete", false, 1)
		if err := s.DeleteOf(t.Context(), "u1"); err != nil {
			t.Fatal(err)
		}
		read("after DeleteOf", false, 1)
	})

	t.Run("does not cache other pages", func(t *testing.T) {
		t.Parallel()
		w := &fakes{list: make([]videos.Video, 3)}
		s := &videos.Service{Store: w, Cache: w}
		for range 2 {
			p, err := s.Feed(t.Context(), page.Request{Size: 2})
			if err != nil || p.FromCache || len(p.Videos) != 2 {
				t.Errorf("got %+v, %v, want 2 videos from the store", p, err)
			}
		}
		if w.reads != 2 || w.cached != nil {
			t.Errorf("got %d reads, cached %v, want 2 reads and no page", w.reads, w.cached)
		}
	})

	t.Run("does not cache a failed read", func(t *testing.T) {
		t.Parallel()
		w := &fakes{broken: errors.New("away")}
		s := &videos.Service{Store: w, Cache: w}
		if _, err := s.Feed(t.Context(), first); !errors.Is(err, w.broken) || w.cached != nil {
			t.Errorf("got %v, cached %v, want %v and no page", err, w.cached, w.broken)
		}
	})
}

func TestService_Create(t *testing.T) {
	t.Parallel()
	png := videos.Content{Type: "image/png", Data: []byte("x")}
	tests := []struct {
		name   string
		change func(*videos.Post)
		fields string
	}{
		{"URL", func(*videos.Post) {}, ""},
		{"content", func(p *videos.Post) { p.URL, p.Content = "", png }, ""},
		{"maximum content", func(p *videos.Post) {
			p.URL, p.Content = "", videos.Content{Type: "video/mp4", Data: make([]byte, videos.MaxContent)}
		}, ""},
		{"no title and no video", func(p *videos.Post) { *p = videos.Post{Title: " "} }, "title url"},
		{"URL and content", func(p *videos.Post) { p.Content = png }, "url"},
		{"long title", func(p *videos.Post) { p.Title = strings.Repeat("ä", 101) }, "title"},
		{"description with NUL", func(p *videos.Post) { p.Description = "\x00" }, "description"},
		{"javascript URL", func(p *videos.Post) { p.URL = "javascript:alert(1)//x" }, "url"},
		{"URL without a host", func(p *videos.Post) { p.URL = "https:///x" }, "url"},
		{"HTML content", func(p *videos.Post) { p.URL, p.Content = "", videos.Content{Type: "text/html", Data: []byte("x")} }, "content_type"},
		{"too much content", func(p *videos.Post) {
			p.URL, p.Content = "", videos.Content{Type: "video/mp4", Data: make([]byte, videos.MaxContent+1)}
		}, "content"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := &fakes{}
			p := aPost
			test.change(&p)
			_, err := (&videos.Service{Store: w, Cache: w}).Create(t.Context(), p)
			var refused *refusal.Error
			var fields []string
			if errors.As(err, &refused) {
				for _, f := range refused.Fields {
					fields = append(fields, f.Name)
				}
			}
			if got := strings.Join(fields, " "); got != test.fields || (err == nil) != (len(w.list) == 1) {
				t.Errorf("got fields %q, %d stored, error %v, want fields %q", got, len(w.list), err, test.fields)
			}
		})
	}
}
