package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A problem is why a try failed, in one line.
type problem struct {
	reason Reason
	text   string
}

// failure puts a network error into a person's words. doing says what was
// tried; timeout is the time that it had.
func failure(doing string, err error, timeout time.Duration) *problem {
	var unknown *net.DNSError
	var op *net.OpError
	late := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
	switch {
	case errors.As(err, &unknown) && unknown.IsNotFound:
		return &problem{NoName, fmt.Sprintf("%s: the cluster's DNS does not know %s", doing, strings.TrimSuffix(unknown.Name, "."))}
	case errors.As(err, &unknown):
		return &problem{NoName, fmt.Sprintf("%s: the cluster's DNS gives no answer: %s", doing, unknown.Err)}
	case errors.As(err, &op) && op.Op == "dial" && (late || op.Timeout()):
		return &problem{NoConnection, fmt.Sprintf("%s: no connection within %s", doing, InWords(timeout))}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &problem{Refused, doing + ": connection refused"}
	case errors.As(err, &op) && op.Op == "dial":
		return &problem{NoConnection, fmt.Sprintf("%s: %s", doing, innermost(op.Err))}
	case late || errors.As(err, &op) && op.Timeout():
		return &problem{NoAnswer, fmt.Sprintf("%s: no answer within %s", doing, InWords(timeout))}
	default:
		return &problem{NoAnswer, fmt.Sprintf("%s: %s", doing, innermost(err))}
	}
}

// innermost is the last cause's text: "connection refused" instead of
// "dial tcp 10.96.0.7:80: connect: connection refused".
func innermost(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// InWords is a time as in "5 s" or "1.5 s".
func InWords(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + " s"
}
