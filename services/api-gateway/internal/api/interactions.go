package api

import (
	"net/http"
	"time"

	interactionv1 "tkdeploy.dev/tiktok/proto/interaction/v1"
)

type comment struct {
	ID        string    `json:"id"`
	Author    person    `json:"author"`
	Text      string    `json:"text"`
	CreatedAt time.Time `json:"created_at"`
}

func (a *API) like(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.Interactions.Like(r.Context(), &interactionv1.LikeRequest{UserId: userID(r.Context()), VideoId: r.PathValue("id")}); err != nil {
		return err
	}
	return noContent(w)
}

func (a *API) unlike(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.Interactions.Unlike(r.Context(), &interactionv1.UnlikeRequest{UserId: userID(r.Context()), VideoId: r.PathValue("id")}); err != nil {
		return err
	}
	return noContent(w)
}

func (a *API) view(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.Interactions.AddView(r.Context(), &interactionv1.AddViewRequest{UserId: userID(r.Context()), VideoId: r.PathValue("id")}); err != nil {
		return err
	}
	return noContent(w)
}

func (a *API) postComment(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Text string `json:"text"`
	}
	if err := readJSON(w, r, &body); err != nil {
		return err
	}
	ctx := r.Context()
	reply, err := a.Interactions.AddComment(ctx, &interactionv1.AddCommentRequest{UserId: userID(ctx), VideoId: r.PathValue("id"), Text: body.Text})
	if err != nil {
		return err
	}
	names := a.usernames(ctx, []string{userID(ctx)})
	return writeJSON(w, http.StatusCreated, commentJSON(reply.GetComment(), names))
}

func (a *API) comments(w http.ResponseWriter, r *http.Request) error {
	size, cursor, err := pageOf(r)
	if err != nil {
		return err
	}
	reply, err := a.Interactions.ListComments(r.Context(), &interactionv1.ListCommentsRequest{VideoId: r.PathValue("id"), PageSize: size, Cursor: cursor})
	if err != nil {
		return err
	}
	authors := make([]string, len(reply.GetComments()))
	for i, c := range reply.GetComments() {
		authors[i] = c.GetUserId()
	}
	names := a.usernames(r.Context(), authors)
	list := make([]comment, len(authors))
	for i, c := range reply.GetComments() {
		list[i] = commentJSON(c, names)
	}
	return writeJSON(w, http.StatusOK, struct {
		Comments   []comment `json:"comments"`
		NextCursor string    `json:"next_cursor,omitempty"`
	}{list, reply.GetNextCursor()})
}

func commentJSON(c *interactionv1.Comment, names map[string]string) comment {
	return comment{ID: c.GetId(), Author: person{c.GetUserId(), names[c.GetUserId()]}, Text: c.GetText(), CreatedAt: c.GetCreatedAt().AsTime()}
}
