package release

import (
	"context"
	"errors"
	"net"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// applyError sets the class Apply, or Inconclusive if the API server did not respond. It
// keeps an existing class and errors of the context.
func applyError(err error) error {
	var unanswered net.Error
	switch {
	case isContextError(err), fault.ClassOf(err) != "":
		return err
	case errors.As(err, &unanswered):
		return fault.New(fault.Inconclusive, err, "check that the cluster is running, then run the command again")
	}
	return fault.New(fault.Apply, err, "")
}

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// rollbackError sets the class Rollback, except for errors of the context and of an API
// server that did not respond.
func rollbackError(err error) error {
	switch {
	case err == nil, isContextError(err), fault.ClassOf(applyError(err)) == fault.Inconclusive:
		return applyError(err)
	}
	return fault.New(fault.Rollback, err, fault.HintOf(err))
}

func (c *Client) downError(err error) error {
	if isContextError(err) {
		return err
	}
	return fault.New(fault.Down, err, `run "tkdeploy down" again; list the remaining objects: kubectl get all,pvc,secrets -n `+c.namespace)
}
