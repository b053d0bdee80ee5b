package probe

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer knows some names. The first late queries for each name fail.
type nameServer struct {
	known map[string]string
	late  int
	code  dnsmessage.RCode // for unknown names

	mu      sync.Mutex
	queries map[string]int
}

func (s *nameServer) start(t *testing.T) *net.Resolver {
	t.Helper()
	s.queries = map[string]int{}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go s.serve(conn)
	return resolverOf(conn.LocalAddr().String())
}

func resolverOf(address string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", address)
	}}
}

func (s *nameServer) serve(conn net.PacketConn) {
	packet := make([]byte, 1500)
	for {
		n, from, err := conn.ReadFrom(packet)
		if err != nil {
			return
		}
		var question dnsmessage.Message
		if question.Unpack(packet[:n]) != nil || len(question.Questions) != 1 {
			continue
		}
		answer := s.answer(question)
		if reply, err := answer.Pack(); err == nil {
			_, _ = conn.WriteTo(reply, from)
		}
	}
}

func (s *nameServer) answer(question dnsmessage.Message) dnsmessage.Message {
	q := question.Questions[0]
	reply := dnsmessage.Message{Header: dnsmessage.Header{ID: question.ID, Response: true, RecursionAvailable: true}, Questions: question.Questions}
	name := strings.ToLower(q.Name.String())
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.Type == dnsmessage.TypeA {
		s.queries[name]++
	}
	address, known := s.known[name]
	if !known || s.queries[name] <= s.late {
		reply.RCode = s.code
		return reply
	}
	if q.Type == dnsmessage.TypeA {
		header := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 5}
		reply.Answers = []dnsmessage.Resource{{Header: header, Body: &dnsmessage.AResource{A: [4]byte(net.ParseIP(address).To4())}}}
	}
	return reply
}

func TestNetwork_checkDNS(t *testing.T) {
	t.Parallel()
	t.Run("passes with the address", func(t *testing.T) {
		t.Parallel()
		server := &nameServer{known: map[string]string{"db.app.svc.cluster.local.": "10.96.0.7"}, code: dnsmessage.RCodeNameError}
		r := runChecks(t, server.start(t), Check{ID: "x", Kind: DNS, Target: Target{Host: "db.app.svc.cluster.local"}})["x"]
		if r.Outcome != Passed || len(r.Answer.Addresses) != 1 || r.Answer.Addresses[0] != "10.96.0.7" {
			t.Fatalf("got %+v, want one address", r)
		}
		if want := "db.app.svc.cluster.local resolves to 10.96.0.7"; r.Message != want {
			t.Errorf("got %q, want %q", r.Message, want)
		}
		server.mu.Lock()
		defer server.mu.Unlock()
		if len(server.queries) != 1 {
			t.Errorf("got queries %v, want no search domains for a full name", server.queries)
		}
	})

	// Row 48 of the fault list.
	t.Run("passes a name that is unknown at first", func(t *testing.T) {
		t.Parallel()
		server := &nameServer{known: map[string]string{"db.app.svc.cluster.local.": "127.0.0.1"}, late: 20, code: dnsmessage.RCodeNameError}
		port := at(listen(t).Addr(), "").Port
		host := "db.app.svc.cluster.local"
		results := runChecks(t, server.start(t),
			Check{ID: "name", Kind: DNS, Target: Target{Host: host}, Within: time.Minute},
			Check{ID: "port", Kind: TCP, Target: Target{Host: host, Port: port}, Needs: []string{"name"}})
		if r := results["name"]; r.Outcome != Passed || r.Attempts != 21 {
			t.Errorf("name: got %+v, want passed at attempt 21", r)
		}
		if r := results["port"]; r.Outcome != Passed || r.Attempts != 1 {
			t.Errorf("port: got %+v, want passed at attempt 1", r)
		}
	})

	t.Run("reports an unknown name", func(t *testing.T) {
		t.Parallel()
		server := &nameServer{code: dnsmessage.RCodeNameError}
		r := runChecks(t, server.start(t), Check{ID: "x", Kind: DNS, Target: Target{Host: "db.app.svc.cluster.local"}})["x"]
		want := "look up db.app.svc.cluster.local: cluster DNS cannot resolve db.app.svc.cluster.local"
		if r.Outcome != Failed || r.Reason != Unresolved || r.Message != want {
			t.Errorf("got %+v, want unresolved with message %q", r, want)
		}
	})

	// Row 46 of the fault list.
	t.Run("blocks other checks without cluster DNS", func(t *testing.T) {
		t.Parallel()
		gone, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		resolver := resolverOf(gone.LocalAddr().String())
		gone.Close()
		results := runChecks(t, resolver,
			Check{ID: clusterDNS, Kind: DNS, Target: Target{Host: "kubernetes.default.svc.cluster.local"}},
			Check{ID: "db/dns", Kind: DNS, Target: Target{Host: "db"}, Needs: []string{clusterDNS}})
		if r := results[clusterDNS]; r.Outcome != Failed || r.Reason != Unresolved || !strings.Contains(r.Message, "no response from cluster DNS") {
			t.Errorf("cluster DNS: got %+v, want unresolved without response", r)
		}
		if r := results["db/dns"]; r.Outcome != Blocked || r.BlockedBy != clusterDNS {
			t.Errorf("db: got %+v, want blocked by %s", r, clusterDNS)
		}
	})
}

const clusterDNS = "cluster-dns"

func TestClusterDomain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ content, want string }{
		"default domain": {"search app.svc.cluster.local svc.cluster.local cluster.local corp.test\nnameserver 10.96.0.10\n", "cluster.local"},
		"custom domain":  {"nameserver 10.96.0.10\nsearch app.svc.k8s.corp.test svc.k8s.corp.test k8s.corp.test\n", "k8s.corp.test"},
		"no search list": {"nameserver 127.0.0.1\n", "cluster.local"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "resolv.conf")
			if err := os.WriteFile(file, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := clusterDomain(file); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	moved := inDomain([]Check{{Target: Target{Host: "db.app.svc.cluster.local"}}, {Target: Target{Host: "db"}}}, "k8s.corp.test")
	if moved[0].Target.Host != "db.app.svc.k8s.corp.test" || moved[1].Target.Host != "db" {
		t.Errorf("got %+v, want only the full name moved", moved)
	}
}
