package cluster

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestCluster_PortStates(t *testing.T) {
	t.Parallel()
	var listen net.ListenConfig
	l, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	used := int32(l.Addr().(*net.TCPAddr).Port)
	for name, test := range map[string]struct {
		port       int32
		containers []container
		want       string
	}{
		"free":                    {0, nil, "free"},
		"used by this cluster":    {used, []container{node(ownMount, true)}, "owned container shop-dev-control-plane"},
		"used by another cluster": {used, []container{node("/somewhere", true)}, "in use container shop-dev-control-plane"},
		"used by this process":    {used, nil, "in use"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, &fakeDocker{containers: test.containers}, &fakeKind{})
			c.Ports = []Port{{test.port, 30400}}
			s := c.PortStates(t.Context())[0]
			got := "free"
			if s.Err != nil {
				got = "in use"
			}
			if s.Owned {
				got = "owned"
			}
			if got = strings.TrimSpace(fmt.Sprint(got, " ", s.UsedBy)); !strings.HasPrefix(got, test.want) {
				t.Errorf("got %q, want prefix %q", got, test.want)
			}
		})
	}
}

func TestInUse(t *testing.T) {
	t.Parallel()
	taken := &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	if err := inUse(taken); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("got %v, want %v", err, taken)
	}
	privileged := &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EACCES)}
	if err := inUse(privileged); err != nil {
		t.Errorf("got %v for a port below 1024, want nil: the engine may listen on it", err)
	}
}
