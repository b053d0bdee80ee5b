package journey

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"tkdeploy.dev/tiktok/journey/internal/gateway"
)

const feedPath = "/api/v1/feed"

// largePage is never cached. The cache holds only the first page of the default
// size.
const largePage = feedPath + "?page_size=100"

// cacheReads is how often to read the feed until it comes from the cache. Each
// read fills the cache, and only another user's post invalidates it.
const cacheReads = 10

// feedFromDatabase reads the feed after the post has invalidated the cached
// page. If another user reads it first, the page comes from the cache, but must
// contain the video. The second page is never cached.
func (j *Journey) feedFromDatabase(ctx context.Context) error {
	return j.findInFeed(ctx, "miss", feedPath, largePage)
}

// feedFromCache reads the feed until it comes from the cache.
func (j *Journey) feedFromCache(ctx context.Context) error {
	return j.findInFeed(ctx, "hit", slices.Repeat([]string{feedPath}, cacheReads)...)
}

// findInFeed reads pages until X-Cache is cache. Each page must contain the
// video.
func (j *Journey) findInFeed(ctx context.Context, cache string, pages ...string) error {
	for i, path := range pages {
		if i > 0 {
			gateway.Wait(ctx, j.Poll) // if ctx is done, the next request fails
		}
		var feed page
		response, err := j.Gateway.Do(ctx, gateway.Request{Method: http.MethodGet, Path: path, Status: http.StatusOK, Into: &feed})
		switch {
		case err != nil:
			return err
		case feed.endsBefore(j.video): // others have posted a full page since
			if err := j.post(ctx); err != nil {
				return err
			}
		case !feed.has(j.video):
			return fmt.Errorf("GET %s%s: the posted video is not among the %d videos (X-Cache: %s)",
				j.Gateway.URL, path, len(feed.Videos), response.Header.Get("X-Cache"))
		case response.Header.Get("X-Cache") == cache:
			return nil
		}
	}
	return fmt.Errorf("GET %s%s: no X-Cache: %s in %d reads", j.Gateway.URL, feedPath, cache, len(pages))
}

type page struct {
	Videos []video
	Next   string `json:"next_cursor"`
}

func (p page) has(v video) bool {
	return slices.ContainsFunc(p.Videos, func(other video) bool { return other.ID == v.ID })
}

// endsBefore reports whether v is on a later page.
func (p page) endsBefore(v video) bool {
	return p.Next != "" && len(p.Videos) > 0 && p.Videos[len(p.Videos)-1].CreatedAt.After(v.CreatedAt)
}
