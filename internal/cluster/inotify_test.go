package cluster

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

func TestInotify(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"max_user_instances": "128\n", "max_user_watches": "524288\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	problem, fix := readInotify(dir).Shortfall()
	got := problem + ": " + fix
	want := "this machine allows 128 inotify instances and 524288 watches, and nodes want 512 instances: sudo sysctl fs.inotify.max_user_instances=512"
	if got != want {
		t.Errorf("got %q", got)
	}
	if few, _ := readInotify(filepath.Join(dir, "nowhere")).Shortfall(); few != "" {
		t.Errorf("of a machine without inotify: %q", few)
	}
	if few, fix := (Inotify{Instances: 512, Watches: 8192}).Shortfall(); !strings.Contains(fix, "max_user_watches=524288") {
		t.Errorf("too few watches: %q", few)
	}
}

// TestFewInotifyInstances is row 4 of the faults.
func TestFewInotifyInstances(t *testing.T) {
	t.Parallel()
	c := newCluster(t, &fakeDocker{}, &fakeKind{create: func() error { return errors.New("node not ready") }})
	c.inotify = func() Inotify { return Inotify{Instances: 128, Watches: 524288} }
	var events []event.Event
	if err := c.Preflight(t.Context(), messages(&events)); err != nil || len(events) != 1 || events[0].Kind != event.Warning || !strings.Contains(events[0].Message, "128 inotify instances") {
		t.Errorf("%v, events %s", err, joined(events))
	}
	if hint := fault.HintOf(c.Ensure(t.Context(), event.Discard)); !strings.Contains(hint, "a probable cause: this machine allows 128 inotify instances") {
		t.Errorf("hint %q", hint)
	}
}

func TestPortStates(t *testing.T) {
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
		"held by our cluster":    {taken, []container{node(ours, true)}, "ours container shop-dev-control-plane"},
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
