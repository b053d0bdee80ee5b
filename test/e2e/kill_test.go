//go:build e2e

package e2e

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestKills kills up 60 times: in each stage once as it begins, which is the end
// of the one before, and then at random points (row 20).
func TestKills(t *testing.T) {
	if !slowTests() {
		t.Skip("SKIPPED: 60 kills take half an hour; make test-faults runs them, and TestFaults tries one")
	}
	useEngine(t)
	k := newKiller(t, newShop(t, "shop-kills", "24082"), uint64(time.Now().UnixNano()))
	for _, stage := range mutatingStages {
		t.Run("row 20: kill -9 in stage "+stage, func(t *testing.T) {
			k.killAndRecover(t, stage, 0)
			for range 9 {
				k.killAndRecover(t, stage, k.randomDelay(stage))
			}
			if !t.Failed() {
				t.Attr("seen", "10 kills in stage "+stage+", all converged")
			}
		})
	}
}

// A killer kills runs of up at random points within a stage and checks that the
// next one converges.
type killer struct {
	*project
	random    *rand.Rand
	stageTime map[string]time.Duration // by a run that was left alone, for each stage
	count     int
}

// newKiller prints its seed. The project must not be up: it is afterwards.
func newKiller(t *testing.T, p *project, seed uint64) *killer {
	t.Helper()
	t.Logf("seed %d", seed)
	k := &killer{project: p, random: rand.New(rand.NewPCG(seed, seed)), stageTime: map[string]time.Duration{}}
	for _, e := range k.run(t, "up", "--output", "json").wantExit(t, 0).events(t) {
		if e.Kind == "stage.finished" {
			k.stageTime[e.Stage] = time.Duration(e.ElapsedMS) * time.Millisecond
		}
	}
	return k
}

// stir makes the stage have something to do in the next up, and gives the
// newest revision that there is then.
func (k *killer) prepareChange(t *testing.T, stage string) (revision int) {
	t.Helper()
	if stage == "cluster" {
		k.run(t, "down").wantExit(t, 0)
		return 0
	}
	k.changeSource(t)
	return newest(k.history(t)).Revision
}

// within is a random time from the start of the stage to its end.
func (k *killer) randomDelay(stage string) time.Duration {
	return time.Duration(k.random.Float64() * float64(max(k.stageTime[stage], 200*time.Millisecond)))
}

// kill kills an up that time after the stage has started, and checks that the next
// one reaches what an undisturbed one would, with at most one revision more.
func (k *killer) killAndRecover(t *testing.T, stage string, after time.Duration) {
	t.Helper()
	before := k.prepareChange(t, stage)
	k.count++
	got := k.runWithStageHook(t, stage, func(tkdeploy *os.Process) {
		time.AfterFunc(after, func() { _ = tkdeploy.Kill() }) // it may have ended
	}, "up")
	t.Logf("kill %d: %s after the start of %s: exit %d", k.count, after.Round(time.Millisecond), stage, got.code)
	if got.code != -1 && got.code != 0 { // killed, or done before
		t.Errorf("exit %d\n%s", got.code, got.stderr)
	}
	k.run(t, "up").wantExit(t, 0)
	if now := k.wantServing(t).Revision; now > before+2 {
		t.Errorf("revision %d after %d: one and at most one more were to be written", now, before)
	}
	k.wantAllReady(t)
	k.wantUnlocked(t)
}

func (p *project) testInterrupt(t *testing.T, stage string) {
	if stage == "cluster" {
		p.run(t, "down").wantExit(t, 0)
	} else {
		p.changeSource(t)
	}
	got := p.interrupt(t, stage, "up")
	events := got.wantExit(t, 130).events(t)
	if last := events[len(events)-1]; last.Exit != 130 || last.Outcome != "canceled" {
		t.Errorf("last event %+v", last)
	}
	if stage == "cluster" {
		p.wantNoContainers(t)
	} else {
		p.wantUnlocked(t)
	}
	p.run(t, "up").wantExit(t, 0)
	p.wantServing(t)
}

// killedThenDown kills a run that holds all locks; down must not wait for them.
func (p *project) testKillThenDown(t *testing.T) {
	p.changeSource(t)
	p.runWithStageHook(t, "rollout", func(tkdeploy *os.Process) { _ = tkdeploy.Kill() }, "up").wantExit(t, -1)
	p.run(t, "down", "--volumes").wantExit(t, 0)
	p.wantNoContainers(t)
	files, err := filepath.Glob(filepath.Join(p.state, "tkdeploy", "*", "*"))
	if err != nil || len(files) > 0 {
		t.Errorf("files %v, %v", files, err)
	}
}
