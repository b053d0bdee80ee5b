//go:build e2e

package e2e

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestKills kills up at the start of each stage and at nine random points (row 20).
func TestKills(t *testing.T) {
	if !slowTests() {
		t.Skip("SKIPPED: 60 kills take half an hour; make test-faults runs them, TestFaults runs one")
	}
	useEngine(t)
	k := newKiller(t, newShop(t, "shop-kills", "24082"), uint64(time.Now().UnixNano()))
	for _, stage := range mutatingStages {
		t.Run("row 20: converges after kill -9 in stage "+stage, func(t *testing.T) {
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

type killer struct {
	project   *project
	random    *rand.Rand
	stageTime map[string]time.Duration // in an undisturbed run
	count     int
}

// newKiller deploys the project to measure the stages.
func newKiller(t *testing.T, p *project, seed uint64) *killer {
	t.Helper()
	t.Logf("seed %d", seed)
	k := &killer{project: p, random: rand.New(rand.NewPCG(seed, seed)), stageTime: map[string]time.Duration{}}
	for _, e := range p.run(t, "up", "--output", "json").wantExit(t, 0).events(t) {
		if e.Kind == "stage.finished" {
			k.stageTime[e.Stage] = time.Duration(e.ElapsedMS) * time.Millisecond
		}
	}
	return k
}

// prepareChange makes the next up use the stage. It returns the newest revision, or 0
// without a cluster.
func (k *killer) prepareChange(t *testing.T, stage string) (revision int) {
	t.Helper()
	if stage == "cluster" {
		k.project.run(t, "down").wantExit(t, 0)
		return 0
	}
	k.project.changeSource(t)
	return newest(k.project.history(t)).Revision
}

func (k *killer) randomDelay(stage string) time.Duration {
	return time.Duration(k.random.Float64() * float64(max(k.stageTime[stage], 200*time.Millisecond)))
}

// killAndRecover kills up some time after the start of the stage. The next up must converge
// with at most one more revision.
func (k *killer) killAndRecover(t *testing.T, stage string, after time.Duration) {
	t.Helper()
	p := k.project
	before := k.prepareChange(t, stage)
	k.count++
	got := p.runWithStageHook(t, stage, func(tkdeploy *os.Process) {
		time.AfterFunc(after, func() { _ = tkdeploy.Kill() }) // fails if it has ended
	}, "up")
	t.Logf("kill %d: %s after the start of %s: exit %d", k.count, after.Round(time.Millisecond), stage, got.code)
	if got.code != -1 && got.code != 0 {
		t.Errorf("got exit code %d, want -1 if killed or 0 if done before:\n%s", got.code, got.stderr)
	}
	p.run(t, "up").wantExit(t, 0)
	if after := p.wantServing(t).Revision; after > before+2 {
		t.Errorf("got revision %d, want at most %d: one, and one more for the kill", after, before+2)
	}
	p.wantAllReady(t)
	p.wantUnlocked(t)
}

func (p *project) testInterrupt(t *testing.T, stage string) {
	if stage == "cluster" {
		p.run(t, "down").wantExit(t, 0)
	} else {
		p.changeSource(t)
	}
	last := p.interrupt(t, stage, "up").wantExit(t, 130).finished(t)
	if last.Exit != 130 || last.Outcome != "canceled" {
		t.Errorf("got last event %+v, want exit 130, outcome canceled", last)
	}
	if stage == "cluster" {
		p.wantNoContainers(t)
	} else {
		p.wantUnlocked(t)
	}
	p.run(t, "up").wantExit(t, 0)
	p.wantServing(t)
}

// testKillThenDown kills a run that holds all locks. down must not wait for them.
func (p *project) testKillThenDown(t *testing.T) {
	p.changeSource(t)
	p.runWithStageHook(t, "rollout", func(tkdeploy *os.Process) { _ = tkdeploy.Kill() }, "up").wantExit(t, -1)
	p.run(t, "down", "--volumes").wantExit(t, 0)
	p.wantNoContainers(t)
	files, err := filepath.Glob(filepath.Join(p.state, "tkdeploy", "*", "*"))
	files = slices.DeleteFunc(files, func(path string) bool { return filepath.Base(filepath.Dir(path)) == "inputs" }) // of images, which remain
	if err != nil || len(files) > 0 {
		t.Errorf("got state files %v, error %v, want none", files, err)
	}
}
