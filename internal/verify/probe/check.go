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

// A Kind says how a check asks.
type Kind string

// The kinds.
const (
	DNS  Kind = "dns"  // the name has an address
	TCP  Kind = "tcp"  // the port accepts a connection
	HTTP Kind = "http" // a GET answers as expected
	GRPC Kind = "grpc" // grpc.health.v1.Health/Check answers SERVING

	// Policies tells whether a port that no NetworkPolicy allows is closed. It
	// passes in any case: the Runner adds it, and its answer is for information.
	Policies Kind = "policies"
)

// A Check is one question put to the deployed app from inside the cluster.
type Check struct {
	ID      string `json:"id"`                // unique and stable: "auth-service/http-health"
	Service string `json:"service,omitempty"` // "auth-service", or "name.namespace" of another namespace's Service
	Kind    Kind   `json:"kind"`
	Target  Target `json:"target"`

	Headers http.Header `json:"headers,omitempty"` // HTTP only
	Expect  Expect      `json:"expect"`            // HTTP only

	Timeout time.Duration `json:"timeout,omitempty"` // of one try; 0 is 3 s for TCP, 2 s for Policies, 5 s for the others
	Within  time.Duration `json:"within,omitempty"`  // of all tries; 0 is 45 s for DNS, 15 s for the others

	// Needs are IDs of earlier checks: unless all of them pass, this one is
	// blocked. Derive and Select set it.
	Needs []string `json:"needs,omitempty"`
}

// A Target is what a check talks to.
type Target struct {
	Host        string `json:"host"` // as an app would write it: "auth-service"
	Port        int    `json:"port,omitempty"`
	Scheme      string `json:"scheme,omitempty"`       // "http" or "https"; empty is "http"
	Path        string `json:"path,omitempty"`         // may carry a query; empty is "/"
	GRPCService string `json:"grpc_service,omitempty"` // the service whose health is asked; empty is the whole server

	Pod         string `json:"pod,omitempty"`          // Policies only: the name of the pod whose address Host is
	AllowedPort int    `json:"allowed_port,omitempty"` // Policies only: one that they allow, to see by it whether the pod is there
}

// Expect is what an HTTP answer must be.
type Expect struct {
	Status   int    `json:"status,omitempty"`   // 0 is any of 200 to 399, as the kubelet takes it
	Contains string `json:"contains,omitempty"` // must be in the first MiB of the body
}

// A name may be unknown for a while although its Service exists: CoreDNS keeps
// a negative answer for up to 30 s and reads Services with a delay. A port has
// no such excuse, since the rollout is complete when the smoke test starts.
const (
	dnsWithin     = 45 * time.Second
	answerWithin  = 15 * time.Second
	AnswerTimeout = 5 * time.Second
	tcpTimeout    = 3 * time.Second
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
		return AnswerTimeout
	}
}

func (c Check) within() time.Duration {
	switch {
	case c.Within > 0:
		return c.Within
	case c.Kind == DNS:
		return dnsWithin
	default:
		return answerWithin
	}
}

// URL is the check's target in one word: "http://auth-service:4001/health",
// "grpc://auth-service:5001", "tcp://postgres:5432", "dns:auth-service".
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

// httpURL reads the path as the kubelet does: it may carry a query, and what
// cannot be parsed is taken as a path.
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
