package release

import (
	"context"
	"errors"
	"net"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// failed gives an error the class Apply, or Undecided if the API server did not
// answer. One that has a class already, and ctx's, stay as they are.
func failed(err error) error {
	var unanswered net.Error
	switch {
	case isEnd(err), fault.ClassOf(err) != "":
		return err
	case errors.As(err, &unanswered):
		return fault.New(fault.Inconclusive, err, "see whether the cluster is up, and run again: what was begun is taken up")
	}
	return fault.New(fault.Apply, err, "")
}

// isEnd tells that the context ended.
func isEnd(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
