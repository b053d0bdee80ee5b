package feedcache_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"tkdeploy.dev/tiktok/internal/page"
	"tkdeploy.dev/tiktok/internal/redisdb"
	"tkdeploy.dev/tiktok/video-service/internal/feedcache"
	"tkdeploy.dev/tiktok/video-service/internal/videos"
)

var aPage = videos.Page{
	Videos: []videos.Video{{ID: "v1", Title: "cat", CreatedAt: time.UnixMicro(1767323045000001).UTC()}},
	Next:   page.Cursor{Time: time.UnixMicro(1767323045000001).UTC(), ID: "v1"},
}

func open(t *testing.T) (*feedcache.Cache, *miniredis.Miniredis) {
	t.Helper()
	server := miniredis.RunT(t)
	log := slog.New(slog.DiscardHandler)
	client := redisdb.Open(server.Addr(), "test", log)
	t.Cleanup(func() { _ = client.Close() })
	return feedcache.New(client, 10*time.Second, log, prometheus.NewRegistry()), server
}

func expect(t *testing.T, c *feedcache.Cache, when string, want bool) {
	t.Helper()
	got, found, _ := c.First(t.Context())
	if found != want {
		t.Errorf("%s: got found %t, want %t", when, found, want)
	} else if diff := cmp.Diff(aPage, got); found && diff != "" {
		t.Errorf("%s: unexpected page (-want +got):\n%s", when, diff)
	}
}

func TestCache_First(t *testing.T) {
	t.Parallel()
	t.Run("returns the page until it expires", func(t *testing.T) {
		t.Parallel()
		c, server := open(t)
		_, found, put := c.First(t.Context())
		if found {
			t.Fatal("found a page in an empty cache")
		}
		put(t.Context(), aPage)
		expect(t, c, "after put", true)
		server.FastForward(10 * time.Second)
		expect(t, c, "after the TTL", false)
	})

	t.Run("returns no page without Redis", func(t *testing.T) {
		t.Parallel()
		c, server := open(t)
		server.Close()
		_, found, put := c.First(t.Context())
		if found {
			t.Error("found a page without Redis")
		}
		put(t.Context(), aPage)
		c.Invalidate(t.Context())
	})
}

func TestCache_Invalidate(t *testing.T) {
	t.Parallel()
	t.Run("invalidates the page", func(t *testing.T) {
		t.Parallel()
		c, _ := open(t)
		for range 2 { // the first and a later change
			_, _, put := c.First(t.Context())
			put(t.Context(), aPage)
			expect(t, c, "before the change", true)
			c.Invalidate(t.Context())
			expect(t, c, "after the change", false)
		}
	})

	t.Run("invalidates an old page stored later", func(t *testing.T) {
		t.Parallel()
		c, _ := open(t)
		_, _, put := c.First(t.Context())
		c.Invalidate(t.Context())
		put(t.Context(), aPage)
		expect(t, c, "the old page", false)
	})
}
