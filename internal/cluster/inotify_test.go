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
	problem, fix := readInotify(dir).Shortfall()
	if want := "this machine allows 128 inotify instances and 524288 watches, but nodes need 512 instances"; problem != want {
		t.Errorf("problem: got %q, want %q", problem, want)
	}
	if want := "sudo sysctl fs.inotify.max_user_instances=512"; fix != want {
		t.Errorf("fix: got %q, want %q", fix, want)
	}
	if problem, fix := readInotify(filepath.Join(dir, "missing")).Shortfall(); problem != "" || fix != "" {
		t.Errorf("without inotify: got %q, %q, want none", problem, fix)
	}
	if _, fix := (Inotify{Instances: 512, Watches: 8192}).Shortfall(); !strings.Contains(fix, "max_user_watches=524288") {
		t.Errorf("too few watches: got fix %q, want max_user_watches=524288", fix)
	}
}

// Row 4 of docs/faults.md.
func TestCluster_inotify(t *testing.T) {
	t.Parallel()
	c := newCluster(t, &fakeDocker{}, &fakeKind{create: func() error { return errors.New("node not ready") }})
	c.inotify = func() Inotify { return Inotify{Instances: 128, Watches: 524288} }
	var events []event.Event
	if err := c.Preflight(t.Context(), collect(&events)); err != nil || len(events) != 1 || events[0].Kind != event.Warning || !strings.Contains(events[0].Message, "128 inotify instances") {
		t.Errorf("Preflight: got %v, events %q, want one warning", err, messages(events))
	}
	if hint := fault.HintOf(c.Ensure(t.Context(), event.Discard)); !strings.Contains(hint, "likely cause: this machine allows 128 inotify instances") {
		t.Errorf("Ensure: got hint %q, want the inotify limits as the likely cause", hint)
	}
}
