package probe

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Kind is the protocol of a check.
type Kind string

// The kinds of checks, and when they pass.
const (
	DNS  Kind = "dns"  // the name has an address
	TCP  Kind = "tcp"  // the port accepts a connection
	HTTP Kind = "http" // a GET returns the expected response
	GRPC Kind = "grpc" // grpc.health.v1.Health/Check returns SERVING

	// Policies checks whether a forbidden port is blocked. It always passes,
	// for information only.
	Policies Kind = "policies"
)

// Check is a request to send to the app from inside the cluster.
type Check struct {
	ID      string `json:"id"`                // unique and stable: "auth-service/http-health"
	Service string `json:"service,omitempty"` // "auth-service", or "name.namespace" in another namespace
	Kind    Kind   `json:"kind"`
	Target  Target `json:"target"`

	Headers http.Header `json:"headers,omitempty"` // HTTP only
	Expect  Expect      `json:"expect"`            // HTTP only

	Timeout time.Duration `json:"timeout,omitempty"` // of one attempt; default 3 s for TCP, 2 s for Policies, otherwise 5 s
	Within  time.Duration `json:"within,omitempty"`  // of all attempts; default 45 s for DNS, otherwise 15 s

	// Guessed is set for a gRPC check derived from the name of a port. It also
	// tries TLS, and passes if the server has no health service.
	Guessed bool `json:"guessed,omitempty"`

	// Needs are IDs of earlier checks. The check is blocked unless all pass.
	Needs []string `json:"needs,omitempty"`
}

// Target is the address of a check.
type Target struct {
	Host        string `json:"host"` // as the app uses it: "auth-service"
	Port        int    `json:"port,omitempty"`
	Scheme      string `json:"scheme,omitempty"`       // "http" or "https"; default "http"
	Path        string `json:"path,omitempty"`         // may include a query; default "/"
	GRPCService string `json:"grpc_service,omitempty"` // empty for the whole server

	Pod         string `json:"pod,omitempty"`          // Policies only: the pod with address Host
	AllowedPort int    `json:"allowed_port,omitempty"` // Policies only: must respond
}

// Expect is the expected HTTP response.
type Expect struct {
	Status   int    `json:"status,omitempty"`   // 0 accepts 200 to 399, as the kubelet does
	Contains string `json:"contains,omitempty"` // must be in the first MiB of the body
}

// DefaultTimeout limits one attempt of a DNS, HTTP or gRPC check.
const DefaultTimeout = 5 * time.Second

const (
	tcpTimeout      = 3 * time.Second
	policiesTimeout = 2 * time.Second // blockedAfter, and time for the allowed port

	// CoreDNS caches a negative response for up to 30 s and learns of Services
	// with a delay. Ports need less time, because the rollout is complete.
	dnsWithin     = 45 * time.Second
	defaultWithin = 15 * time.Second
)

func (c Check) timeout() time.Duration {
	switch {
	case c.Timeout > 0:
		return c.Timeout
	case c.Kind == TCP:
		return tcpTimeout
	case c.Kind == Policies:
		return policiesTimeout
	default:
		return DefaultTimeout
	}
}

func (c Check) within() time.Duration {
	switch {
	case c.Within > 0:
		return c.Within
	case c.Kind == DNS:
		return dnsWithin
	default:
		return defaultWithin
	}
}

// URL formats the target: "http://auth-service:4001/health" or
// "dns:auth-service".
func (c Check) URL() string {
	address := net.JoinHostPort(c.Target.Host, strconv.Itoa(c.Target.Port))
	switch c.Kind {
	case DNS:
		return "dns:" + c.Target.Host
	case HTTP:
		return httpURL(c.Target).String()
	case GRPC:
		return strings.TrimSuffix(fmt.Sprintf("grpc://%s/%s", address, c.Target.GRPCService), "/")
	default:
		return "tcp://" + address
	}
}

// httpURL parses the path as the kubelet does: it may include a query, and any
// string is valid.
func httpURL(t Target) *url.URL {
	u, err := url.Parse(t.Path)
	if err != nil || u.Host != "" || u.Scheme != "" {
		u = &url.URL{Path: t.Path}
	}
	u.Scheme = t.Scheme
	if u.Scheme == "" {
		u.Scheme = "http"
	}
	u.Host = net.JoinHostPort(t.Host, strconv.Itoa(t.Port))
	if !strings.HasPrefix(u.Path, "/") {
		u.Path = "/" + u.Path
	}
	return u
}
