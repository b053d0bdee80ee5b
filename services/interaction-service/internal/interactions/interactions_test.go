package interactions_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"tkdeploy.dev/tiktok/interaction-service/internal/interactions"
	"tkdeploy.dev/tiktok/internal/page"
	"tkdeploy.dev/tiktok/internal/refusal"
)

const aVideo = "8f14e45f-ceea-467f-9d3b-6f6d2f6b1f5a"

// world is a store that counts, and a video-service that knows one video.
type world struct {
	interactions.Store
	did   []interactions.Action
	woken int
	away  error
}

func (w *world) Owner(_ context.Context, video string) (string, error) {
	if w.away == nil && video != aVideo {
		return "", interactions.ErrNotFound
	}
	return "owner", w.away
}

func (w *world) Like(_ context.Context, a interactions.Action) error { return w.do(a) }
func (w *world) View(_ context.Context, a interactions.Action) error { return w.do(a) }

func (w *world) Comment(_ context.Context, a interactions.Action, text string) (interactions.Comment, error) {
	return interactions.Comment{ID: "c1", UserID: a.User, Text: text}, w.do(a)
}

func (w *world) Unlike(_ context.Context, user, video string) error {
	return w.do(interactions.Action{User: user, Video: video})
}

func (w *world) do(a interactions.Action) error {
	w.did = append(w.did, a)
	return nil
}

func newService() (*interactions.Service, *world) {
	w := &world{}
	return &interactions.Service{Store: w, Videos: w, Wake: func() { w.woken++ }}, w
}

func TestService(t *testing.T) {
	t.Parallel()
	t.Run("records the owner and wakes the publisher", func(t *testing.T) {
		t.Parallel()
		s, w := newService()
		if err := s.Like(t.Context(), "u1", aVideo); err != nil {
			t.Error(err)
		}
		if err := s.View(t.Context(), "u1", aVideo); err != nil {
			t.Error(err)
		}
		if c, err := s.Comment(t.Context(), "u1", aVideo, " nice "); err != nil || c.Text != "nice" {
			t.Errorf("%+v, %v", c, err)
		}
		for _, a := range w.did {
			if want := (interactions.Action{User: "u1", Video: aVideo, Owner: "owner"}); a != want {
				t.Errorf("got %+v", a)
			}
		}
		if len(w.did) != 3 || w.woken != 3 {
			t.Errorf("did %d, woke %d times", len(w.did), w.woken)
		}
	})

	t.Run("rejects actions on unknown videos", func(t *testing.T) {
		t.Parallel()
		for name, away := range map[string]error{"not there": nil, "away": errors.New("away")} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s, w := newService()
				want := error(interactions.ErrNotFound)
				if w.away = away; away != nil {
					want = away
				}
				_, comment := s.Comment(t.Context(), "u1", "other", "nice")
				for what, err := range map[string]error{"like": s.Like(t.Context(), "u1", "other"), "view": s.View(t.Context(), "u1", "other"), "comment": comment} {
					if !errors.Is(err, want) {
						t.Errorf("%s: %v", what, err)
					}
				}
				if len(w.did) != 0 {
					t.Errorf("did %v", w.did)
				}
			})
		}
	})

	t.Run("rejects invalid requests", func(t *testing.T) {
		t.Parallel()
		s, _ := newService()
		_, empty := s.Comment(t.Context(), "u1", aVideo, " ")
		_, long := s.Comment(t.Context(), "u1", aVideo, strings.Repeat("a", 501))
		_, many := s.Stats(t.Context(), make([]string, 101), "")
		_, _, list := s.Comments(t.Context(), "x", page.Request{})
		tests := map[string]struct {
			err  error
			kind refusal.Kind
		}{
			"an empty comment": {empty, refusal.Invalid}, "a long comment": {long, refusal.Invalid}, "too many videos": {many, refusal.Invalid},
			"comments on no video": {list, refusal.NotFound}, "no video unliked": {s.Unlike(t.Context(), "u1", "x"), refusal.NotFound},
			"no video deleted": {s.DeleteVideo(t.Context(), "x"), refusal.NotFound},
		}
		for name, test := range tests {
			var refused *refusal.Error
			if !errors.As(test.err, &refused) || refused.Kind != test.kind {
				t.Errorf("%s: %v", name, test.err)
			}
		}
	})
}

func TestService_Unlike(t *testing.T) {
	t.Parallel()
	t.Run("works without video-service", func(t *testing.T) {
		t.Parallel()
		s, w := newService()
		w.away = errors.New("away")
		if err := s.Unlike(t.Context(), "u1", aVideo); err != nil || len(w.did) != 1 {
			t.Errorf("%v, did %v", err, w.did)
		}
	})
}
