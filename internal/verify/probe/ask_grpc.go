package probe

import (
	"context"
	"errors"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// askGRPC calls the standard health service, as the kubelet's grpc probe does:
// without TLS, and only SERVING is healthy.
func (p *prober) askGRPC(ctx context.Context, c Check) (Answer, string, *problem) {
	conn, err := p.dial(ctx, c)
	if err != nil {
		return Answer{}, "", failure("connect to "+c.URL(), err, c.timeout())
	}
	defer conn.Close()
	client, err := grpcOver(conn)
	if err != nil {
		return Answer{}, "", &problem{WrongAnswer, fmt.Sprintf("%s: %v", c.URL(), err)}
	}
	defer client.Close()
	request := &healthpb.HealthCheckRequest{Service: c.Target.GRPCService}
	response, err := healthpb.NewHealthClient(client).Check(ctx, request)
	if err != nil {
		return Answer{GRPC: status.Code(err).String()}, "", callProblem(c, err)
	}
	answer := Answer{GRPC: response.GetStatus().String()}
	said := fmt.Sprintf("health of %s is %s", c.URL(), answer.GRPC)
	if response.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		return answer, "", &problem{WrongAnswer, said}
	}
	return answer, said, nil
}

// grpcOver is a client of that one connection: it does not dial again.
func grpcOver(conn net.Conn) (*grpc.ClientConn, error) {
	only := make(chan net.Conn, 1)
	only <- conn
	return grpc.NewClient("passthrough:///"+conn.RemoteAddr().String(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithNoProxy(),
		grpc.WithUserAgent("tkdeploy-smoke"),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			select {
			case c := <-only:
				return c, nil
			default:
				return nil, errors.New("the connection was lost")
			}
		}))
}

// callProblem tells a health call that ended without a serving status.
func callProblem(c Check, err error) *problem {
	asked := "health of " + c.URL()
	switch status.Code(err) {
	case codes.DeadlineExceeded:
		return &problem{NoAnswer, fmt.Sprintf("%s: no answer within %s", asked, InWords(c.timeout()))}
	case codes.Unimplemented:
		return &problem{WrongAnswer, asked + ": the server has no grpc.health.v1.Health service; register it, or skip this check"}
	case codes.NotFound:
		return &problem{WrongAnswer, fmt.Sprintf("%s: the health service does not know %q", asked, c.Target.GRPCService)}
	case codes.Unavailable:
		return &problem{NoAnswer, fmt.Sprintf("%s: not answered as gRPC: %s", asked, status.Convert(err).Message())}
	default:
		return &problem{WrongAnswer, fmt.Sprintf("%s: %s: %s", asked, status.Code(err), status.Convert(err).Message())}
	}
}
