package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// requestTimeout bounds one request, so that a connection to a server that
// went silent is given up and made anew.
const requestTimeout = 10 * time.Second

// persist repeats a request as long as the API server does not really answer,
// at most for the runner's patience. doing says in errors what was tried.
func (r *Runner) persist(ctx context.Context, doing string, request func(context.Context) error) error {
	giveUp := time.Now().Add(r.APITimeout)
	for {
		if ctx.Err() != nil {
			return stopped(ctx, doing)
		}
		once, cancel := context.WithTimeout(ctx, requestTimeout)
		err := request(once)
		cancel()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			continue
		case !isTransient(err):
			return fmt.Errorf("%s: %w", doing, err)
		case time.Now().After(giveUp):
			return undecided(fmt.Errorf("%s: the API server gave no answer for %s: %w", doing, probe.InWords(r.APITimeout), err))
		}
		probe.Wait(ctx, r.RetryInterval)
	}
}

// stopped is the error of work that ctx ended: undecided if the time was up,
// without class if it was cancelled.
func stopped(ctx context.Context, doing string) error {
	err := fmt.Errorf("%s: %w", doing, context.Cause(ctx))
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return undecided(err)
	}
	return err
}

// undecided marks an error that proves nothing about the app.
func undecided(err error) error {
	return fault.New(fault.Inconclusive, err, "run it again: tkdeploy verify")
}

// isTransient tells a server that is away, overloaded or in conflict with another
// write from one that answers. An error without a status came from the
// connection, not from the server.
func isTransient(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return true
	}
	return apierrors.IsTooManyRequests(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) ||
		apierrors.IsInternalError(err) || apierrors.IsServiceUnavailable(err) || apierrors.IsConflict(err) || status.Status().Code >= 500
}

// refused adds the next step to the API server's refusal of the pod. Its own
// words already name quota, limit or policy.
func (p *podCase) refused(err error) error {
	if err == nil || fault.ClassOf(err) != "" || !isAnswer(err) {
		return err
	}
	look := fmt.Sprintf("%s describe namespace %s", p.Kubectl, p.Namespace)
	text := err.Error()
	switch {
	case apierrors.IsNotFound(err):
		look = "the namespace is made by: tkdeploy up"
	case strings.Contains(text, "exceeded quota"), strings.Contains(text, "failed quota"):
		look = fmt.Sprintf("the smoke test needs one more pod, see: %s -n %s describe resourcequota", p.Kubectl, p.Namespace)
	case strings.Contains(text, "usage per"), strings.Contains(text, "limit to request ratio"):
		look = fmt.Sprintf("%s asks for %s, see: %s -n %s describe limitrange", p.what, p.asks, p.Kubectl, p.Namespace)
	}
	return fault.New(fault.Smoke, err, look)
}

func isAnswer(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status)
}
