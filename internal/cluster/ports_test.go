package cluster

import (
	"fmt"
	"net"
	"strings"
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
	taken := int32(l.Addr().(*net.TCPAddr).Port)
	for name, test := range map[string]struct {
		port       int32
		containers []container
		want       string
	}{
		"a free port":            {0, nil, "free"},
		"held by our cluster":    {taken, []container{node(ownMount, true)}, "ours container shop-dev-control-plane"},
		"held by a foreign one":  {taken, []container{node("/somewhere", true)}, "taken container shop-dev-control-plane"},
		"held by this very test": {taken, nil, "taken"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, &fakeDocker{containers: test.containers}, &fakeKind{})
			c.Ports = []Port{{test.port, 30400}}
			s := c.PortStates(t.Context())[0]
			got := "free"
			if s.Err != nil {
				got = "taken"
			}
			if s.Owned {
				got = "ours"
			}
			if got = strings.TrimSpace(fmt.Sprint(got, " ", s.UsedBy)); !strings.HasPrefix(got, test.want) {
				t.Errorf("got %q", got)
			}
		})
	}
}
