package probe

import (
	"net"
	"testing"
)

func TestNetwork_checkTCP(t *testing.T) {
	t.Parallel()
	t.Run("passes an open port", func(t *testing.T) {
		t.Parallel()
		if r := runChecks(t, net.DefaultResolver, Check{ID: "x", Kind: TCP, Target: at(listen(t).Addr(), "")})["x"]; r.Outcome != Passed {
			t.Errorf("got %+v, want passed", r)
		}
	})
}
