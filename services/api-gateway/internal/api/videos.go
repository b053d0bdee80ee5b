package api

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"time"

	interactionv1 "tkdeploy.dev/tiktok/proto/interaction/v1"
	notificationv1 "tkdeploy.dev/tiktok/proto/notification/v1"
	videov1 "tkdeploy.dev/tiktok/proto/video/v1"
)

type video struct {
	ID          string    `json:"id"`
	Author      person    `json:"author"`
	Title       string    `json:"title"`
	Description string    `json:"description"`
	URL         string    `json:"url"` // a path of the gateway if the video has content
	ContentType string    `json:"content_type,omitempty"`
	CreatedAt   time.Time `json:"created_at"`
	*counts               // nil if interaction-service is unavailable
}

type counts struct {
	Likes    int64 `json:"likes"`
	Comments int64 `json:"comments"`
	Views    int64 `json:"views"`
	Liked    bool  `json:"liked"` // by the viewer
}

// maxPost allows 1 MiB of content in base64, and the other fields.
const maxPost = 1<<20/3*4 + maxBody

func (a *API) postVideo(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Title       string `json:"title"`
		Description string `json:"description"`
		URL         string `json:"url"`
		Content     []byte `json:"content"` // base64
		ContentType string `json:"content_type"`
	}
	if err := readLargeJSON(w, r, maxPost, &body); err != nil {
		return err
	}
	reply, err := a.Videos.CreateVideo(r.Context(), &videov1.CreateVideoRequest{
		OwnerId: userID(r.Context()), Title: body.Title, Description: body.Description,
		Url: body.URL, Content: body.Content, ContentType: body.ContentType,
	})
	if err != nil {
		return err
	}
	w.Header().Set("Location", videoPath(reply.GetVideo().GetId()))
	return writeJSON(w, http.StatusCreated, a.videosJSON(r.Context(), reply.GetVideo())[0])
}

func (a *API) video(w http.ResponseWriter, r *http.Request) error {
	reply, err := a.Videos.GetVideo(r.Context(), &videov1.GetVideoRequest{Id: r.PathValue("id")})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, a.videosJSON(r.Context(), reply.GetVideo())[0])
}

// feed reports in X-Cache whether the list came from the cache.
func (a *API) feed(w http.ResponseWriter, r *http.Request) error {
	size, cursor, err := pageOf(r)
	if err != nil {
		return err
	}
	reply, err := a.Videos.ListFeed(r.Context(), &videov1.ListFeedRequest{PageSize: size, Cursor: cursor})
	if err != nil {
		return err
	}
	cache := "miss"
	if reply.GetFromCache() {
		cache = "hit"
	}
	w.Header().Set("X-Cache", cache)
	return writeJSON(w, http.StatusOK, struct {
		Videos     []video `json:"videos"`
		NextCursor string  `json:"next_cursor,omitempty"`
	}{a.videosJSON(r.Context(), reply.GetVideos()...), reply.GetNextCursor()})
}

// content supports range requests, which players need. The headers stop browsers
// from running it.
func (a *API) content(w http.ResponseWriter, r *http.Request) error {
	reply, err := a.Videos.GetContent(r.Context(), &videov1.GetContentRequest{Id: r.PathValue("id")})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", reply.GetContentType())
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
	w.Header().Set("Cache-Control", "private, max-age=60") // short, because videos can be deleted
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(reply.GetContent()))
	return nil
}

// deleteVideo ignores failures to delete the video's interactions and
// notifications, because they are not visible without it.
func (a *API) deleteVideo(w http.ResponseWriter, r *http.Request) error {
	ctx, id := r.Context(), r.PathValue("id")
	if _, err := a.Videos.DeleteVideo(ctx, &videov1.DeleteVideoRequest{Id: id, OwnerId: userID(ctx)}); err != nil {
		return err
	}
	if a.Interactions != nil {
		_, err := a.Interactions.DeleteVideo(ctx, &interactionv1.DeleteVideoRequest{VideoId: id})
		a.logLeft(ctx, "interactions", err)
	}
	if a.Notifications != nil {
		_, err := a.Notifications.DeleteVideo(ctx, &notificationv1.DeleteVideoRequest{VideoId: id})
		a.logLeft(ctx, "notifications", err)
	}
	return noContent(w)
}

func (a *API) logLeft(ctx context.Context, what string, err error) {
	if err != nil {
		a.Log.WarnContext(ctx, "data of a deleted video not deleted", "left", what, "error", err)
	}
}

// videosJSON adds names and counts to videos.
func (a *API) videosJSON(ctx context.Context, list ...*videov1.Video) []video {
	ids, owners := make([]string, len(list)), make([]string, len(list))
	for i, v := range list {
		ids[i], owners[i] = v.GetId(), v.GetOwnerId()
	}
	var names map[string]string
	var stats map[string]*interactionv1.Stats
	var lookups sync.WaitGroup
	lookups.Go(func() { names = a.usernames(ctx, owners) })
	lookups.Go(func() { stats = a.stats(ctx, ids) })
	lookups.Wait()
	videos := make([]video, len(list))
	for i, v := range list {
		videos[i] = videoJSON(v, names, stats[v.GetId()])
	}
	return videos
}

func videoJSON(v *videov1.Video, names map[string]string, stats *interactionv1.Stats) video {
	result := video{
		ID: v.GetId(), Author: person{v.GetOwnerId(), names[v.GetOwnerId()]}, Title: v.GetTitle(), Description: v.GetDescription(),
		URL: v.GetUrl(), ContentType: v.GetContentType(), CreatedAt: v.GetCreatedAt().AsTime(),
	}
	if v.GetContentType() != "" {
		result.URL = videoPath(v.GetId()) + "/content"
	}
	if stats != nil {
		result.counts = &counts{Likes: stats.GetLikes(), Comments: stats.GetComments(), Views: stats.GetViews(), Liked: stats.GetLiked()}
	}
	return result
}

func videoPath(id string) string { return "/api/v1/videos/" + id }
