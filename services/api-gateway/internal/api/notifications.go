package api

import (
	"net/http"
	"sync"
	"time"

	notificationv1 "tkdeploy.dev/tiktok/proto/notification/v1"
)

type notification struct {
	ID         string    `json:"id"`
	Type       string    `json:"type"`
	Actor      person    `json:"actor"`
	VideoID    string    `json:"video_id"`
	VideoTitle string    `json:"video_title,omitempty"` // missing if video-service is unavailable or the video is deleted
	CreatedAt  time.Time `json:"created_at"`
	Read       bool      `json:"read"`
}

func (a *API) notifications(w http.ResponseWriter, r *http.Request) error {
	size, cursor, err := pageOf(r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	reply, err := a.Notifications.ListNotifications(ctx, &notificationv1.ListNotificationsRequest{UserId: userID(ctx), PageSize: size, Cursor: cursor})
	if err != nil {
		return err
	}
	var actors, videos []string
	for _, n := range reply.GetNotifications() {
		actors, videos = append(actors, n.GetActorId()), append(videos, n.GetVideoId())
	}
	var names, titles map[string]string
	var lookups sync.WaitGroup
	lookups.Go(func() { names = a.usernames(ctx, actors) })
	lookups.Go(func() { titles = a.titles(ctx, videos) })
	lookups.Wait()
	list := make([]notification, len(actors))
	for i, n := range reply.GetNotifications() {
		list[i] = notification{
			ID: n.GetId(), Type: n.GetType(), Actor: person{n.GetActorId(), names[n.GetActorId()]},
			VideoID: n.GetVideoId(), VideoTitle: titles[n.GetVideoId()], CreatedAt: n.GetCreatedAt().AsTime(), Read: n.GetRead(),
		}
	}
	return writeJSON(w, http.StatusOK, struct {
		Notifications []notification `json:"notifications"`
		NextCursor    string         `json:"next_cursor,omitempty"`
		Unread        int64          `json:"unread"`
	}{list, reply.GetNextCursor(), reply.GetUnread()})
}

func (a *API) markRead(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.Notifications.MarkRead(r.Context(), &notificationv1.MarkReadRequest{UserId: userID(r.Context()), Id: r.PathValue("id")}); err != nil {
		return err
	}
	return noContent(w)
}
