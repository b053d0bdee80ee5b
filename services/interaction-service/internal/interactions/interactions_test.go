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

// fakes is a store that records actions, and a video-service with one video.
type fakes struct {
	interactions.Store
	did   []interactions.Action
	woken int
	away  error
}

func (w *fakes) Owner(_ context.Context, video string) (string, error) {
	if w.away == nil && video != aVideo {
		return "", interactions.ErrNotFound
	}
	return "owner", w.away
}

func (w *fakes) Like(_ context.Context, a interactions.Action) error { return w.do(a) }
func (w *fakes) View(_ context.Context, a interactions.Action) error { return w.do(a) }

func (w *fakes) Comment(_ context.Context, a interactions.Action, text string) (interactions.Comment, error) {
	return interactions.Comment{ID: "c1", UserID: a.User, Text: text}, w.do(a)
}

func (w *fakes) Unlike(_ context.Context, user, video string) error {
	return w.do(interactions.Action{User: user, Video: video})
}

func (w *fakes) do(a interactions.Action) error {
	w.did = append(w.did, a)
	return nil
}

func newService() (*interactions.Service, *fakes) {
	w := &fakes{}
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
			t.Errorf("Comment: got %+v, %v, want trimmed text", c, err)
		}
		for _, a := range w.did {
			if want := (interactions.Action{User: "u1", Video: aVideo, Owner: "owner"}); a != want {
				t.Errorf("got %+v, want %+v", a, want)
			}
		}
		if len(w.did) != 3 || w.woken != 3 {
			t.Errorf("got %d actions and %d wake-ups, want 3 and 3", len(w.did), w.woken)
		}
	})

	t.Run("rejects actions on unknown videos", func(t *testing.T) {
		t.Parallel()
		for name, away := range map[string]error{"unknown video": nil, "unavailable service": errors.New("away")} {
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
						t.Errorf("%s: got %v, want %v", what, err, want)
					}
				}
				if len(w.did) != 0 {
					t.Errorf("got actions %v, want none", w.did)
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
			"empty comment": {empty, refusal.Invalid}, "long comment": {long, refusal.Invalid}, "too many videos": {many, refusal.Invalid},
			"Comments with an invalid id": {list, refusal.NotFound}, "Unlike with an invalid id": {s.Unlike(t.Context(), "u1", "x"), refusal.NotFound},
			"DeleteVideo with an invalid id": {s.DeleteVideo(t.Context(), "x"), refusal.NotFound},
		}
		for name, test := range tests {
			var refused *refusal.Error
			if !errors.As(test.err, &refused) || refused.Kind != test.kind {
				t.Errorf("%s: got %v, want kind %q", name, test.err, test.kind)
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
			t.Errorf("got %v, actions %v, want one action", err, w.did)
		}
	})
}
