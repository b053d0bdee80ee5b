//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestKills kills up 60 times: in each stage once as it begins, which is the end
// of the one before, and then at random points (row 20).
func TestKills(t *testing.T) {
	if !full() {
		t.Skip("SKIPPED: 60 kills take half an hour; make test-faults runs them, and TestFaults tries one")
	}
	useEngine(t)
	k := newKiller(t, newShop(t, "shop-kills", "24082"), uint64(time.Now().UnixNano()))
	for _, stage := range actingStages {
		t.Run("row 20: kill -9 in stage "+stage, func(t *testing.T) {
			k.kill(t, stage, 0)
			for range 9 {
				k.kill(t, stage, k.within(stage))
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
	random *rand.Rand
	took   map[string]time.Duration // by a run that was left alone, for each stage
	count  int
}

// newKiller prints its seed. The project must not be up: it is afterwards.
func newKiller(t *testing.T, p *project, seed uint64) *killer {
	t.Helper()
	t.Logf("seed %d", seed)
	k := &killer{project: p, random: rand.New(rand.NewPCG(seed, seed)), took: map[string]time.Duration{}}
	for _, e := range k.run(t, "up", "--output", "json").must(t, 0).events(t) {
		if e.Kind == "stage.finished" {
			k.took[e.Stage] = time.Duration(e.ElapsedMS) * time.Millisecond
		}
	}
	return k
}

// stir makes the stage have something to do in the next up, and gives the
// newest revision that there is then.
func (k *killer) stir(t *testing.T, stage string) (revision int) {
	t.Helper()
	if stage == "cluster" {
		k.run(t, "down").must(t, 0)
		return 0
	}
	k.changeSource(t)
	return newest(k.history(t)).Revision
}

// changeSource makes the image a new one.
func (p *project) changeSource(t *testing.T) {
	t.Helper()
	path := filepath.Join(p.dir, "web", "main.go")
	write(t, path, read(t, path)+fmt.Sprintf("\nconst changed%d = true\n", time.Now().UnixNano()))
}

// savedMeanwhile saves a file when its image is built and not yet in the node: the
// run deploys what it has built.
func (p *project) savedMeanwhile(t *testing.T) {
	p.changeSource(t)
	p.during(t, "load", func(*os.Process) { p.changeSource(t) }, "up").must(t, 0)
	p.serves(t)
	if got := changed(p.run(t, "up", "--output", "json").must(t, 0).events(t), "build"); len(got) != 1 {
		t.Errorf("the next run builds %q, want the one image", got)
	}
}

// within is a random time from the start of the stage to its end.
func (k *killer) within(stage string) time.Duration {
	return time.Duration(k.random.Float64() * float64(max(k.took[stage], 200*time.Millisecond)))
}

// kill kills an up that time after the stage has started, and checks that the next
// one reaches what an undisturbed one would, with at most one revision more.
func (k *killer) kill(t *testing.T, stage string, after time.Duration) {
	t.Helper()
	before := k.stir(t, stage)
	k.count++
	got := k.during(t, stage, func(tkdeploy *os.Process) {
		time.AfterFunc(after, func() { _ = tkdeploy.Kill() }) // it may have ended
	}, "up")
	t.Logf("kill %d: %s after the start of %s: exit %d", k.count, after.Round(time.Millisecond), stage, got.code)
	if got.code != -1 && got.code != 0 { // killed, or done before
		t.Errorf("exit %d\n%s", got.code, got.stderr)
	}
	k.run(t, "up").must(t, 0)
	if now := k.serves(t).Revision; now > before+2 {
		t.Errorf("revision %d after %d: one and at most one more were to be written", now, before)
	}
	k.allReady(t)
	k.unlocked(t)
}

// allReady fails the test unless every workload has all its pods.
func (p *project) allReady(t *testing.T) {
	t.Helper()
	var s struct {
		Workloads []struct {
			Name           string
			Ready, Desired int
		}
	}
	out := p.run(t, "status", "--output", "json").must(t, 0).stdout
	if err := json.Unmarshal([]byte(out), &s); err != nil || len(s.Workloads) == 0 {
		t.Fatalf("%v: %s", err, out)
	}
	for _, w := range s.Workloads {
		if w.Ready < w.Desired {
			t.Errorf("%s: %d of %d ready", w.Name, w.Ready, w.Desired)
		}
	}
}
