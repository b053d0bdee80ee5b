package api

import (
	"context"
	"errors"
	"net/http"

	authv1 "tkdeploy.dev/tiktok/proto/auth/v1"
	interactionv1 "tkdeploy.dev/tiktok/proto/interaction/v1"
	notificationv1 "tkdeploy.dev/tiktok/proto/notification/v1"
	videov1 "tkdeploy.dev/tiktok/proto/video/v1"
)

// deleteMe deletes the account last, and only after everything else. Its owner
// can retry after a failure.
func (a *API) deleteMe(w http.ResponseWriter, r *http.Request) error {
	ctx, id := r.Context(), userID(r.Context())
	if err := a.deleteBelongings(ctx, id); err != nil {
		return err
	}
	if _, err := a.Auth.DeleteUser(ctx, &authv1.DeleteUserRequest{Id: id}); err != nil {
		return err
	}
	return noContent(w)
}

// deleteBelongings calls every service, even after a failure. Videos go first to
// prevent new interactions with them.
func (a *API) deleteBelongings(ctx context.Context, id string) error {
	var failures []error
	if a.Videos != nil {
		_, err := a.Videos.DeleteVideosOf(ctx, &videov1.DeleteVideosOfRequest{OwnerId: id})
		failures = append(failures, err)
	}
	if a.Interactions != nil {
		_, err := a.Interactions.DeleteUser(ctx, &interactionv1.DeleteUserRequest{UserId: id})
		failures = append(failures, err)
	}
	if a.Notifications != nil {
		_, err := a.Notifications.DeleteUser(ctx, &notificationv1.DeleteUserRequest{UserId: id})
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}
