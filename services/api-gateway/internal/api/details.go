package api

import (
	"context"
	"time"

	authv1 "tkdeploy.dev/tiktok/proto/auth/v1"
	interactionv1 "tkdeploy.dev/tiktok/proto/interaction/v1"
	videov1 "tkdeploy.dev/tiktok/proto/video/v1"
)

// detailsWithin limits the wait for names, titles and counts, which are
// optional.
const detailsWithin = time.Second

// person is the public part of an account.
type person struct {
	ID       string `json:"id"`
	Username string `json:"username,omitempty"` // missing if auth-service is unavailable or the account is deleted
}

func (a *API) usernames(ctx context.Context, ids []string) map[string]string {
	if len(ids) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, detailsWithin)
	defer cancel()
	reply, err := a.Auth.GetUsernames(ctx, &authv1.GetUsernamesRequest{Ids: ids})
	if err != nil {
		a.logMissing(ctx, "usernames", err)
		return nil
	}
	return reply.GetUsernames()
}

func (a *API) titles(ctx context.Context, ids []string) map[string]string {
	if a.Videos == nil || len(ids) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, detailsWithin)
	defer cancel()
	reply, err := a.Videos.GetTitles(ctx, &videov1.GetTitlesRequest{Ids: ids})
	if err != nil {
		a.logMissing(ctx, "titles", err)
		return nil
	}
	return reply.GetTitles()
}

func (a *API) stats(ctx context.Context, ids []string) map[string]*interactionv1.Stats {
	if a.Interactions == nil || len(ids) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, detailsWithin)
	defer cancel()
	reply, err := a.Interactions.GetStats(ctx, &interactionv1.GetStatsRequest{VideoIds: ids, ViewerId: userID(ctx)})
	if err != nil {
		a.logMissing(ctx, "counts", err)
		return nil
	}
	found := map[string]*interactionv1.Stats{}
	for _, stats := range reply.GetStats() {
		found[stats.GetVideoId()] = stats
	}
	return found
}

func (a *API) logMissing(ctx context.Context, what string, err error) {
	a.Log.WarnContext(ctx, "responded without details", "missing", what, "error", err)
}
