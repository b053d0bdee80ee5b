package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// checkGRPC calls the standard health service, without TLS like the kubelet.
func (n *network) checkGRPC(ctx context.Context, c Check) (Answer, string, *problem) {
	answer, message, failed := n.callHealth(ctx, c, insecure.NewCredentials())
	if c.Guessed && failed != nil && failed.reason == NoResponse {
		insecureTLS := credentials.NewTLS(&tls.Config{InsecureSkipVerify: true}) //nolint:gosec // like the kubelet
		if a, m, f := n.callHealth(ctx, c, insecureTLS); f == nil || f.reason == Unexpected {
			answer, message, failed = a, m+" with TLS", f
		}
	}
	if c.Guessed && failed != nil && answer.GRPC == codes.Unimplemented.String() {
		return answer, c.URL() + " responds, but has no grpc.health.v1.Health service to check", nil
	}
	return answer, message, failed
}

func (n *network) callHealth(ctx context.Context, c Check, transport credentials.TransportCredentials) (Answer, string, *problem) {
	conn, err := n.dial(ctx, c)
	if err != nil {
		return Answer{}, "", newProblem("connect to "+c.URL(), err, c.timeout())
	}
	defer conn.Close()
	client, err := newGRPCClient(conn, transport)
	if err != nil {
		return Answer{}, "", &problem{Unexpected, fmt.Sprintf("%s: %v", c.URL(), err)}
	}
	defer client.Close()
	request := &healthpb.HealthCheckRequest{Service: c.Target.GRPCService}
	response, err := healthpb.NewHealthClient(client).Check(ctx, request)
	if err != nil {
		return Answer{GRPC: status.Code(err).String()}, "", callProblem(c, err)
	}
	answer := Answer{GRPC: response.GetStatus().String()}
	message := fmt.Sprintf("%s is %s", c.URL(), answer.GRPC)
	if response.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		return answer, "", &problem{Unexpected, message}
	}
	return answer, message, nil
}

// newGRPCClient returns a client that never dials.
func newGRPCClient(conn net.Conn, transport credentials.TransportCredentials) (*grpc.ClientConn, error) {
	only := make(chan net.Conn, 1)
	only <- conn
	return grpc.NewClient("passthrough:///"+conn.RemoteAddr().String(),
		grpc.WithTransportCredentials(transport),
		grpc.WithNoProxy(),
		grpc.WithUserAgent("tkdeploy-smoke"),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			select {
			case c := <-only:
				return c, nil
			default:
				return nil, errors.New("connection lost")
			}
		}))
}

func callProblem(c Check, err error) *problem {
	doing := "check health of " + c.URL()
	switch status.Code(err) {
	case codes.DeadlineExceeded:
		return &problem{NoResponse, fmt.Sprintf("%s: no response within %s", doing, c.timeout())}
	case codes.Unimplemented:
		return &problem{Unexpected, doing + ": the server has no grpc.health.v1.Health service; register it or skip this check"}
	case codes.NotFound:
		return &problem{Unexpected, fmt.Sprintf("%s: service %q is unknown to the health service", doing, c.Target.GRPCService)}
	case codes.Unavailable:
		return &problem{NoResponse, fmt.Sprintf("%s: no gRPC response: %s", doing, status.Convert(err).Message())}
	default:
		return &problem{Unexpected, fmt.Sprintf("%s: %s: %s", doing, status.Code(err), status.Convert(err).Message())}
	}
}
