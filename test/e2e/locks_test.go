//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

var mutatingStages = []string{"build", "cluster", "load", "release", "rollout", "verify"}

// testLocks expects a running app and removes it.
func (k *killer) testLocks(t *testing.T) {
	p := k.project
	p.wantUnlocked(t)
	t.Run("row 24: locks out other commands during a run", p.testLockedOut)
	t.Run("row 24: respects the lock of another machine", slow(p.testLockedByOtherMachine))
	t.Run("row 23: repairs a release left pending", p.testPendingRelease)
	t.Run("row 25: lets one of eight concurrent runs proceed", p.testConcurrentRuns)
	picked := "cluster" // never picked: it needs a new cluster
	for picked == "cluster" {
		picked = mutatingStages[k.random.IntN(len(mutatingStages))]
	}
	for _, stage := range mutatingStages {
		t.Run("row 22: stops on SIGINT in stage "+stage, slowUnless(stage == picked, func(t *testing.T) { p.testInterrupt(t, stage) }))
	}
	for _, stage := range mutatingStages {
		t.Run("row 20: converges after kill -9 in stage "+stage, slowUnless(stage == picked, func(t *testing.T) { k.killAndRecover(t, stage, k.randomDelay(stage)) }))
	}
	t.Run("row 21: tears down after kill -9", p.testKillThenDown)
}

func (r result) wantLocked(t *testing.T, holder string) {
	t.Helper()
	r.wantExit(t, 6).wantStderr(t, "release shop/shop of cluster shop-e2e is locked by another run: "+holder).wantWithin(t, 2*time.Second)
}

func (p *project) testLockedOut(t *testing.T) {
	p.runWithStageHook(t, "rollout", func(tkdeploy *os.Process) {
		for _, command := range []string{"up", "rollback", "down", "verify"} {
			got := p.run(t, command, "--output", "json")
			got.wantLocked(t, "tkdeploy up --env test of ")
			got.wantStderr(t, fmt.Sprintf("kill %d", tkdeploy.Pid))
			if last := got.finished(t); last.Exit != 6 {
				t.Errorf("%s: got last event %+v, want exit 6", command, last)
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
		t.Errorf("got history %+v, want it unchanged: %+v", after, before)
	}
	// The Lease appears expired after 30 s without renewal. up observes it for 30 s more.
	time.Sleep(time.Until(lease.Spec.RenewTime.Add(31 * time.Second)))
	p.run(t, "up").wantExit(t, 0).wantStderr(t, "appears abandoned by tkdeploy up --env test of ada@laptop/4711", "revision", "is pending-upgrade: an earlier run was interrupted")
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
	succeeded := 0
	for _, r := range results {
		if r.code == 0 {
			succeeded++
			continue
		}
		r.wantExit(t, 6).wantStderr(t, "release shop/shop of cluster shop-e2e is locked by another run: tkdeploy up --env test of ")
	}
	if after := p.wantServing(t).Revision; succeeded != 1 || after != before+1 {
		t.Errorf("got %d successful runs and revision %d, want 1 and revision %d", succeeded, after, before+1)
	}
	p.wantUnlocked(t)
}
