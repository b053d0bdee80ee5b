package journey

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	"tkdeploy.dev/tiktok/journey/internal/gateway"
)

type video struct {
	ID, URL   string
	CreatedAt time.Time `json:"created_at"`
	Liked     bool
}

func (v video) path() string { return "/api/v1/videos/" + v.ID }

// picture is a transparent pixel, because users may see it in the feed.
const picture = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"

// post posts a video and reads its content.
func (j *Journey) post(ctx context.Context) error {
	var v video
	_, err := j.Gateway.Do(ctx, gateway.Request{
		Method: http.MethodPost, Path: "/api/v1/videos", Token: j.author.Access, Status: http.StatusCreated, Into: &v,
		Body: map[string]string{"title": "A test of the stack", "content_type": "image/gif", "content": picture},
	})
	if err != nil {
		return err
	}
	j.video, j.posted = v, append(j.posted, v.ID)
	response, err := j.Gateway.Do(ctx, gateway.Request{Method: http.MethodGet, Path: v.URL, Status: http.StatusOK})
	if err != nil {
		return err
	}
	if base64.StdEncoding.EncodeToString(response.Body) != picture {
		return fmt.Errorf("GET %s%s: got %d bytes that differ from the posted content", j.Gateway.URL, v.URL, len(response.Body))
	}
	return nil
}

func (j *Journey) like(ctx context.Context) error {
	path := j.video.path()
	if _, err := j.Gateway.Do(ctx, gateway.Request{Method: http.MethodPut, Path: path + "/like", Token: j.fan.Access, Status: http.StatusNoContent}); err != nil {
		return err
	}
	var seen video
	if _, err := j.Gateway.Do(ctx, gateway.Request{Method: http.MethodGet, Path: path, Token: j.fan.Access, Status: http.StatusOK, Into: &seen}); err != nil {
		return err
	}
	if !seen.Liked {
		return fmt.Errorf("GET %s%s: the video is not liked after a successful like", j.Gateway.URL, path)
	}
	return nil
}

type notifications struct {
	Notifications []struct {
		Type    string
		Actor   struct{ ID string }
		VideoID string `json:"video_id"`
	}
}

// notification waits for the notification, which passes through Kafka.
func (j *Journey) notification(ctx context.Context) error {
	const path = "/api/v1/notifications"
	start := time.Now()
	waiting, cancel := context.WithTimeout(ctx, j.Limits.Notification) // interrupts no request
	defer cancel()
	for {
		var got notifications
		_, err := j.Gateway.Do(ctx, gateway.Request{Method: http.MethodGet, Path: path, Token: j.author.Access, Status: http.StatusOK, Into: &got})
		if err != nil || j.hasLike(got) {
			return err
		}
		switch {
		case gateway.Wait(waiting, j.Poll):
		case ctx.Err() != nil:
			return fmt.Errorf("GET %s%s: %w", j.Gateway.URL, path, context.Cause(ctx))
		default:
			return fmt.Errorf("GET %s%s: the like is not among the %d notifications after %s",
				j.Gateway.URL, path, len(got.Notifications), time.Since(start).Round(time.Second))
		}
	}
}

func (j *Journey) hasLike(got notifications) bool {
	for _, n := range got.Notifications {
		if n.Type == "liked" && n.Actor.ID == j.fan.id && n.VideoID == j.video.ID {
			return true
		}
	}
	return false
}
