//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"
)

func (p *project) testAutomaticRollback(t *testing.T) {
	p.run(t, "up").wantExit(t, 0)
	good := p.wantServing(t)
	for check, bad := range map[string]struct {
		set  string
		code int
	}{
		"rollout":    {"web.env.CRASH=no such database", 14},
		"smoke test": {"web.env.HEALTH=500", 15},
	} {
		var visitors []request
		if bad.code == 14 { // otherwise bad pods become ready
			visitors = append(visitors, p.healthRequest())
		}
		running := startTraffic(t, visitors)
		got := p.run(t, "up", "--set", bad.set, "--output", "json")
		if _, failed := running.stop(); len(failed) > 0 {
			t.Errorf("%s: got %d failed requests, want 0: %v", check, len(failed), failed)
		}
		got.wantExit(t, bad.code).wantStderr(t, "was rolled back", "is deployed")
		if last := got.finished(t); last.Exit != bad.code || !last.RolledBack {
			t.Errorf("%s: got last event %+v, want exit %d, rolled back", check, last, bad.code)
		}
		back := p.wantServing(t)
		if back.Revision <= good.Revision || !slices.Equal(back.Images, good.Images) || !strings.HasPrefix(back.Description, "Rollback to ") {
			t.Errorf("%s: got revision %+v, want a rollback to %+v", check, back, good)
		}
	}
	before := newest(p.history(t)).Revision
	p.run(t, "up").wantExit(t, 0)
	p.wantRevision(t, before) // the sources match the restored release
}

func (p *project) testManualRollback(t *testing.T) {
	one := p.wantServing(t)
	p.replaceInFile(t, "web/main.go", `"the shop is"`, `"the new shop is"`)
	p.run(t, "up").wantExit(t, 0)
	two := p.wantServing(t)
	if slices.Equal(one.Images, two.Images) {
		t.Fatalf("got images %v after a change, want different ones", two.Images)
	}
	if _, body := call(t, "GET", p.url, "", ""); !strings.Contains(body, "new shop") {
		t.Errorf("after up: got %q, want the new response", body)
	}
	p.run(t, "rollback", "--dry-run").wantExit(t, 0)
	p.wantRevision(t, two.Revision)
	p.run(t, "rollback").wantExit(t, 0)
	if three := p.wantServing(t); three.Revision != two.Revision+1 || !slices.Equal(three.Images, one.Images) {
		t.Errorf("got %+v, want the images of %+v in revision %d", three, one, two.Revision+1)
	}
	if _, body := call(t, "GET", p.url, "", ""); strings.Contains(body, "new shop") {
		t.Errorf("after rollback: got %q, want the old response", body)
	}
	p.run(t, "up").wantExit(t, 0) // deploys the new sources again
	if four := p.wantServing(t); !slices.Equal(four.Images, two.Images) {
		t.Errorf("got %+v, want the images of %+v", four, two)
	}
}

func (p *project) testRollbackSkipsFailures(t *testing.T) {
	p.run(t, "up").wantExit(t, 0)
	good := p.wantServing(t)
	for _, message := range []string{"one", "two"} {
		p.run(t, "up", "--set", "web.env.CRASH="+message, "--no-rollback").wantExit(t, 14).wantStderr(t, "--no-rollback")
	}
	p.run(t, "rollback").wantExit(t, 0).wantStderr(t, "not verified")
	if back := p.wantServing(t); back.Revision != good.Revision+3 || !slices.Equal(back.Images, good.Images) {
		t.Errorf("got %+v, want the images of %+v in revision %d", back, good, good.Revision+3)
	}
}

func (p *project) testNothingVerified(t *testing.T) {
	p.run(t, "down", "--volumes").wantExit(t, 0)
	p.run(t, "up", "--set", "web.env.CRASH=from the start").wantExit(t, 14).wantStderr(t, "keeping failed revision", "from the start")
	p.run(t, "rollback").wantExit(t, 16).wantStderr(t, "no verified revision to roll back to")
	if history := p.history(t); len(history) != 1 || history[0].Verified {
		t.Errorf("got history %+v, want one revision, not verified", history)
	}
	p.run(t, "up").wantExit(t, 0)
	p.wantServing(t)
}
