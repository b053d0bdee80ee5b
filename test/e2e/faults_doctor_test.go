//go:build e2e

package e2e

import (
	"os"
	"strings"
	"testing"
)

func (p *project) testDoctor(t *testing.T) {
	p.run(t, "doctor").wantExit(t, 0)
	stop := listen(t, "127.0.0.1:24080")
	defer stop()
	found := p.run(t, "doctor", "--output", "json").wantExit(t, 4).doctorChecks(t)
	if !strings.Contains(found["port"], "fail 24080 is in use") || !strings.HasPrefix(found["engine"], "ok Docker Engine") || !strings.HasPrefix(found["resources"], "ok ") {
		t.Errorf("got %v, want a failed port, and engine and resources ok", found)
	}
}

func (p *project) testDoctorRunningApp(t *testing.T) {
	found := p.run(t, "doctor", "--output", "json").wantExit(t, 0).doctorChecks(t)
	if found["port"] != "ok 24080 is in use by this environment's cluster" || !strings.HasPrefix(found["cluster"], "ok running: ") {
		t.Errorf("got %v, want port and cluster ok", found)
	}
}

// testInotifyLimit lowers the limit only briefly, because other processes need instances.
func (p *project) testInotifyLimit(t *testing.T) {
	const setting = "/proc/sys/fs/inotify/max_user_instances"
	before := readFile(t, setting)
	if err := os.WriteFile(setting, []byte("128"), 0o644); err != nil {
		t.Skipf("SKIPPED: cannot change settings of this machine: %v; internal/cluster has a unit test for it", err)
	}
	got := p.run(t, "doctor", "--output", "json")
	writeFile(t, setting, before)
	found := got.wantExit(t, 0).doctorChecks(t)
	if !strings.HasPrefix(found["inotify"], "warn ") || !strings.Contains(found["inotify"], "128") {
		t.Errorf("got %v, want a warning with the inotify limit 128", found)
	}
	t.Attr("seen", found["inotify"])
}
