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
	for what, bad := range map[string]struct {
		set  string
		code int
	}{
		"rollout":    {"web.env.CRASH=no such database", 14},
		"smoke test": {"web.env.HEALTH=500", 15},
	} {
		var visitors []request
		if bad.code == 14 { // the bad release never serves
			visitors = append(visitors, p.healthRequest())
		}
		running := startTraffic(t, visitors)
		got := p.run(t, "up", "--set", bad.set, "--output", "json")
		if _, failed := running.stop(); len(failed) > 0 {
			t.Errorf("%d requests were dropped: %v", len(failed), failed)
		}
		got.wantExit(t, bad.code).wantStderr(t, "was taken back", "serves")
		events := got.events(t)
		if last := events[len(events)-1]; last.Exit != bad.code || !last.RolledBack {
			t.Errorf("%s: last event %+v", what, last)
		}
		back := p.wantServing(t)
		if back.Revision <= good.Revision || !slices.Equal(back.Images, good.Images) || !strings.HasPrefix(back.Description, "Rollback to ") {
			t.Errorf("%s: %+v, before %+v", what, back, good)
		}
	}
	before := newest(p.history(t)).Revision
	p.run(t, "up").wantExit(t, 0)
	if after := newest(p.history(t)).Revision; after != before {
		t.Errorf("the next up with the good sources wrote revision %d on top of %d", after, before)
	}
}

func (p *project) testManualRollback(t *testing.T) {
	one := p.wantServing(t)
	p.replaceInFile(t, "web/main.go", `"the shop is"`, `"the new shop is"`)
	p.run(t, "up").wantExit(t, 0)
	two := p.wantServing(t)
	if slices.Equal(one.Images, two.Images) {
		t.Fatalf("the same images: %v", two.Images)
	}
	if _, body := call(t, "GET", p.url, "", ""); !strings.Contains(body, "new shop") {
		t.Errorf("after up: %s", body)
	}
	p.run(t, "rollback", "--dry-run").wantExit(t, 0)
	if now := newest(p.history(t)); now.Revision != two.Revision {
		t.Errorf("a dry run wrote %+v", now)
	}
	p.run(t, "rollback").wantExit(t, 0)
	if three := p.wantServing(t); three.Revision != two.Revision+1 || !slices.Equal(three.Images, one.Images) {
		t.Errorf("%+v, went back to %+v", three, one)
	}
	if _, body := call(t, "GET", p.url, "", ""); strings.Contains(body, "new shop") {
		t.Errorf("after rollback: %s", body)
	}
	p.run(t, "up").wantExit(t, 0) // the new sources again
	if four := p.wantServing(t); !slices.Equal(four.Images, two.Images) {
		t.Errorf("%+v, want the images of %+v", four, two)
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
		t.Errorf("%+v, want %+v again", back, good)
	}
}

// nothingVerified starts anew: a first install that fails is kept, and there is
// nowhere to go back to.
func (p *project) testNothingVerified(t *testing.T) {
	p.run(t, "down", "--volumes").wantExit(t, 0)
	p.run(t, "up", "--set", "web.env.CRASH=from the start").wantExit(t, 14).wantStderr(t, "kept as it failed", "from the start")
	p.run(t, "rollback").wantExit(t, 16).wantStderr(t, "no verified revision to go back to")
	if history := p.history(t); len(history) != 1 || history[0].Verified {
		t.Errorf("%+v", history)
	}
	p.run(t, "up").wantExit(t, 0)
	p.wantServing(t)
}
