//go:build e2e

package e2e

import (
	"os"
	"strings"
	"testing"
)

// doctor looks at the real engine: nothing fails where the app comes up, and a
// port that somebody else holds does.
func (p *project) testDoctor(t *testing.T) {
	p.run(t, "doctor").wantExit(t, 0)
	stop := listen(t, "127.0.0.1:24080")
	defer stop()
	got := p.run(t, "doctor", "--output", "json").wantExit(t, 4)
	found := p.doctorChecks(t, got)
	if !strings.Contains(found["port"], "fail 24080 is taken") || !strings.HasPrefix(found["engine"], "ok Docker Engine") || !strings.HasPrefix(found["resources"], "ok ") {
		t.Errorf("got %v", found)
	}
}

func (p *project) testDoctorRunningApp(t *testing.T) {
	found := p.doctorChecks(t, p.run(t, "doctor", "--output", "json").wantExit(t, 0))
	if found["port"] != "ok 24080 is held by our cluster" || !strings.HasPrefix(found["cluster"], "ok running: ") {
		t.Errorf("got %v", found)
	}
}

// fewWatches takes inotify instances from the machine, for a moment only:
// others need them.
func (p *project) testInotifyLimit(t *testing.T) {
	const setting = "/proc/sys/fs/inotify/max_user_instances"
	before := readFile(t, setting)
	if err := os.WriteFile(setting, []byte("128"), 0o644); err != nil {
		t.Skipf("SKIPPED: this machine does not let the test change its settings: %v; internal/cluster tests the same below", err)
	}
	got := p.run(t, "doctor", "--output", "json")
	writeFile(t, setting, before)
	found := p.doctorChecks(t, got.wantExit(t, 0))
	if !strings.HasPrefix(found["inotify"], "warn ") || !strings.Contains(found["inotify"], "128") {
		t.Errorf("got %v", found)
	}
	t.Attr("seen", found["inotify"])
}
