//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// actingStages are those of up that change something.
var mutatingStages = []string{"build", "cluster", "load", "release", "rollout", "verify"}

// locks is about runs that meet and runs that are ended. It needs the app up and
// leaves nothing of it.
func (k *killer) testLocks(t *testing.T) {
	p := k.project
	p.wantUnlocked(t)
	t.Run("row 24: a run at work locks others out", p.testLockedOut)
	t.Run("row 24: a run on another machine, with its release pending", slow(p.testLockedByOtherMachine))
	t.Run("row 23: what a dead run left pending is healed", p.testPendingRelease)
	t.Run("row 25: of eight at once one wins", p.testConcurrentRuns)
	picked := "cluster" // the short form tries one, and none that needs a cluster anew
	for picked == "cluster" {
		picked = mutatingStages[k.random.IntN(len(mutatingStages))]
	}
	for _, stage := range mutatingStages {
		t.Run("row 22: SIGINT in stage "+stage, slowUnless(stage == picked, func(t *testing.T) { p.testInterrupt(t, stage) }))
	}
	for _, stage := range mutatingStages {
		t.Run("row 20: kill -9 in stage "+stage, slowUnless(stage == picked, func(t *testing.T) { k.killAndRecover(t, stage, k.randomDelay(stage)) }))
	}
	t.Run("row 21: kill -9, then down", p.testKillThenDown)
}

// refused fails the test unless the run was locked out in time and names holder.
func (r result) wantLocked(t *testing.T, holder string) {
	t.Helper()
	r.wantExit(t, 6).wantStderr(t, "another run is at work on release shop/shop of cluster shop-e2e: "+holder)
	if r.elapsed > 2*time.Second {
		t.Errorf("took %s", r.elapsed)
	}
}

func (p *project) testLockedOut(t *testing.T) {
	p.runWithStageHook(t, "rollout", func(tkdeploy *os.Process) {
		for _, command := range []string{"up", "rollback", "down", "verify"} {
			got := p.run(t, command, "--output", "json")
			got.wantLocked(t, "tkdeploy up --env test of ")
			if pid := fmt.Sprintf("kill %d", tkdeploy.Pid); !strings.Contains(got.stderr, pid) {
				t.Errorf("%s does not say %s:\n%s", command, pid, got.stderr)
			}
			if events := got.events(t); events[len(events)-1].Exit != 6 {
				t.Errorf("last event %+v", events[len(events)-1])
			}
		}
		p.run(t, "status").wantExit(t, 0)
		p.run(t, "history").wantExit(t, 0)
		if err := tkdeploy.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
	}, "up", "--set", "web.env.CRASH=again").wantExit(t, 130)
	p.run(t, "up").wantExit(t, 0)
	p.wantServing(t)
	p.wantUnlocked(t)
}

func (p *project) testLockedByOtherMachine(t *testing.T) {
	p.setStatus(t, "pending-upgrade")
	leases := p.kube(t).CoordinationV1().Leases(metav1.NamespaceSystem)
	lease := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: "tkdeploy.shop.shop", Annotations: map[string]string{"tkdeploy.dev/command": "tkdeploy up --env test"}},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: ptr.To("ada@laptop/4711"), LeaseDurationSeconds: ptr.To(int32(30)), RenewTime: ptr.To(metav1.NowMicro()),
		},
	}
	if _, err := leases.Create(t.Context(), lease, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	before := p.history(t)
	p.run(t, "up").wantLocked(t, "tkdeploy up --env test of ada@laptop/4711")
	if after := p.history(t); len(after) != len(before) || newest(after).Status != "pending-upgrade" {
		t.Errorf("history %+v", after)
	}
	// Nobody renews it: after 30 s it appears abandoned, and is watched for 30 more.
	time.Sleep(time.Until(lease.Spec.RenewTime.Add(31 * time.Second)))
	p.run(t, "up").wantExit(t, 0).wantStderr(t, "looks left behind by tkdeploy up --env test of ada@laptop/4711", "revision", "is pending-upgrade: an earlier run was interrupted")
	p.wantServing(t)
	p.wantUnlocked(t)
}

func (p *project) testConcurrentRuns(t *testing.T) {
	p.changeSource(t)
	before := newest(p.history(t)).Revision
	results := make([]result, 8)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() { results[i] = p.run(t, "up") })
	}
	wg.Wait()
	won := 0
	for _, r := range results {
		if r.code == 0 {
			won++
			continue
		}
		r.wantExit(t, 6).wantStderr(t, "another run is at work on release shop/shop of cluster shop-e2e: tkdeploy up --env test of ")
	}
	if after := p.wantServing(t).Revision; won != 1 || after != before+1 {
		t.Errorf("%d won, revision %d after %d", won, after, before)
	}
	p.wantUnlocked(t)
}
