package journey

import (
	"context"
	"errors"
	"net/http"

	"tkdeploy.dev/tiktok/journey/internal/gateway"
)

// cleanUp deletes everything that the journey created, and continues after
// failures.
func (j *Journey) cleanUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), j.Limits.CleanUp)
	defer cancel()
	var failures []error
	for _, id := range j.posted {
		failures = append(failures, j.deleteVideo(ctx, id))
	}
	for _, a := range []*account{&j.author, &j.fan} {
		failures = append(failures, j.deleteAccount(ctx, a))
	}
	return errors.Join(failures...)
}

func (j *Journey) deleteVideo(ctx context.Context, id string) error {
	_, err := j.Gateway.Do(ctx, gateway.Request{Method: http.MethodDelete, Path: video{ID: id}.path(), Token: j.author.Access, Status: http.StatusNoContent})
	if is(err, http.StatusNotFound) { // deleted by an earlier attempt
		return nil
	}
	return err
}

// deleteAccount also deletes an account whose registration response was lost.
func (j *Journey) deleteAccount(ctx context.Context, a *account) error {
	if !a.attempted {
		return nil
	}
	if a.Access == "" {
		err := j.logInOne(ctx, a)
		if a.id == "" && is(err, http.StatusUnauthorized) { // not registered
			return nil
		}
		if err != nil {
			return err
		}
	}
	_, err := j.Gateway.Do(ctx, gateway.Request{Method: http.MethodDelete, Path: "/api/v1/me", Token: a.Access, Status: http.StatusNoContent})
	return err
}

// is reports whether err is a response with the status.
func is(err error, status int) bool {
	var failure *gateway.Error
	return errors.As(err, &failure) && failure.Status == status
}
