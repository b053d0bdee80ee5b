package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

type problem struct {
	reason Reason
	text   string
}

func newProblem(doing string, err error, timeout time.Duration) *problem {
	var dnsErr *net.DNSError
	var op *net.OpError
	late := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
	switch {
	case errors.As(err, &dnsErr) && dnsErr.IsNotFound:
		return &problem{Unresolved, fmt.Sprintf("%s: cluster DNS cannot resolve %s", doing, strings.TrimSuffix(dnsErr.Name, "."))}
	case errors.As(err, &dnsErr):
		return &problem{Unresolved, fmt.Sprintf("%s: no response from cluster DNS: %s", doing, dnsErr.Err)}
	case errors.As(err, &op) && op.Op == "dial" && (late || op.Timeout()):
		return &problem{Unreachable, fmt.Sprintf("%s: no connection within %s", doing, timeout)}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &problem{Refused, doing + ": connection refused"}
	case errors.As(err, &op) && op.Op == "dial":
		return &problem{Unreachable, fmt.Sprintf("%s: %s", doing, innermost(op.Err))}
	case late || errors.As(err, &op) && op.Timeout():
		return &problem{NoResponse, fmt.Sprintf("%s: no response within %s", doing, timeout)}
	default:
		return &problem{NoResponse, fmt.Sprintf("%s: %s", doing, innermost(err))}
	}
}

// innermost shortens "dial tcp 10.96.0.7:80: connect: connection refused" to
// "connection refused".
func innermost(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}
