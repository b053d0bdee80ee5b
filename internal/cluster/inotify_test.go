package cluster

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

func TestInotify_Shortfall(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"max_user_instances": "128\n", "max_user_watches": "524288\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := readInotify(dir).Shortfall()
	want := "this machine allows 128 inotify instances and 524288 watches, and nodes want 512 instances: sudo sysctl fs.inotify.max_user_instances=512"
	if got != want {
		t.Errorf("got %q", got)
	}
	if few := readInotify(filepath.Join(dir, "nowhere")).Shortfall(); few != "" {
		t.Errorf("of a machine without inotify: %q", few)
	}
	if few := (Inotify{Instances: 512, Watches: 8192}).Shortfall(); !strings.Contains(few, "max_user_watches=524288") {
		t.Errorf("too few watches: %q", few)
	}
}

// TestCluster_inotify is row 4 of the faults.
func TestCluster_inotify(t *testing.T) {
	t.Parallel()
	c := newCluster(t, &fakeDocker{}, &fakeKind{create: func() error { return errors.New("node not ready") }})
	c.inotify = func() Inotify { return Inotify{Instances: 128, Watches: 524288} }
	var events []event.Event
	if err := c.Preflight(t.Context(), collect(&events)); err != nil || len(events) != 1 || events[0].Kind != event.Warning || !strings.Contains(events[0].Message, "128 inotify instances") {
		t.Errorf("%v, events %s", err, messages(events))
	}
	if hint := fault.HintOf(c.Ensure(t.Context(), event.Discard)); !strings.Contains(hint, "a probable cause: this machine allows 128 inotify instances") {
		t.Errorf("hint %q", hint)
	}
}
