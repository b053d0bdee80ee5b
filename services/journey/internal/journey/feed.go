package journey

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"tkdeploy.dev/tiktok/journey/internal/gateway"
)

const feedPath = "/api/v1/feed"

// largePage is a page that the cache never holds: it has only the first page of
// the usual size.
const largePage = feedPath + "?page_size=100"

// cacheReads is how often the feed is read until it comes from the cache. Each
// read fills the cache, and only a post of somebody else empties it again.
const cacheReads = 10

// feedFromDatabase reads the feed after the post, which has made the cached page
// void: the first read of all users' comes from the database. If somebody else
// was quicker, this one comes from the cache, and must have the video all the
// same; then a page that the cache never holds comes from the database.
func (j *Journey) feedFromDatabase(ctx context.Context) error {
	return j.findInFeed(ctx, "miss", feedPath, largePage)
}

// feedFromCache reads the feed again. The page was cached by the read before, or
// is by the first of these.
func (j *Journey) feedFromCache(ctx context.Context) error {
	return j.findInFeed(ctx, "hit", slices.Repeat([]string{feedPath}, cacheReads)...)
}

// findInFeed reads pages, each of which must have the video, until one came from
// where it is wanted.
func (j *Journey) findInFeed(ctx context.Context, cache string, pages ...string) error {
	for i, path := range pages {
		if i > 0 {
			gateway.Wait(ctx, j.Poll) // once the time is over, the next request tells
		}
		var feed page
		answer, err := j.Gateway.Do(ctx, gateway.Request{Method: http.MethodGet, Path: path, Status: http.StatusOK, Into: &feed})
		switch {
		case err != nil:
			return err
		case feed.endsBefore(j.video): // others have posted a page full of videos since
			if err := j.post(ctx); err != nil {
				return err
			}
		case !feed.has(j.video):
			return fmt.Errorf("GET %s%s: the video that was posted is not among the %d (X-Cache: %s)",
				j.Gateway.URL, path, len(feed.Videos), answer.Header.Get("X-Cache"))
		case answer.Header.Get("X-Cache") == cache:
			return nil
		}
	}
	return fmt.Errorf("GET %s%s: not once X-Cache: %s in %d reads", j.Gateway.URL, feedPath, cache, len(pages))
}

type page struct {
	Videos []video
	Next   string `json:"next_cursor"`
}

func (p page) has(v video) bool {
	return slices.ContainsFunc(p.Videos, func(other video) bool { return other.ID == v.ID })
}

// endsBefore says whether the feed goes on with v on a later page.
func (p page) endsBefore(v video) bool {
	return p.Next != "" && len(p.Videos) > 0 && p.Videos[len(p.Videos)-1].CreatedAt.After(v.CreatedAt)
}
