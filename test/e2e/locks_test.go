//go:build e2e

package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
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

// unlocked fails the test if a lock file or a Lease of ours is left.
func (p *project) wantUnlocked(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.state, "tkdeploy", "locks", "*"))
	if err != nil || len(files) > 0 {
		t.Errorf("lock files %v, %v", files, err)
	}
	leases, err := p.kube(t).CoordinationV1().Leases(metav1.NamespaceSystem).List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/managed-by=tkdeploy"})
	if err != nil || len(leases.Items) > 0 {
		t.Errorf("Leases %v, %v", leases, err)
	}
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

func (p *project) testPendingRelease(t *testing.T) {
	for _, status := range []string{"pending-install", "pending-upgrade", "pending-rollback", "uninstalling"} {
		p.setStatus(t, status)
		if got := p.run(t, "status").wantExit(t, 0); !strings.Contains(got.stdout, status) || !strings.Contains(got.stdout, "deployment/web") {
			t.Errorf("status says\n%s", got.stdout)
		}
		p.run(t, "up").wantExit(t, 0).wantStderr(t, "is "+status+": an earlier run was interrupted")
		p.wantServing(t)
	}
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

// setStatus rewrites the newest record of the release, as a run that was killed
// leaves it: base64 of gzip of JSON (helm.sh/helm/v3 pkg/storage/driver/util.go).
func (p *project) setStatus(t *testing.T, status string) {
	t.Helper()
	secrets := p.kube(t).CoreV1().Secrets("shop")
	name := fmt.Sprintf("sh.helm.release.v1.shop.v%d", newest(p.history(t)).Revision)
	secret, err := secrets.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	packed, err := base64.StdEncoding.DecodeString(string(secret.Data["release"]))
	if err != nil {
		t.Fatal(err)
	}
	unzip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	var record map[string]any
	if err := json.NewDecoder(unzip).Decode(&record); err != nil {
		t.Fatal(err)
	}
	record["info"].(map[string]any)["status"] = status
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	if err := json.NewEncoder(zip).Encode(record); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	secret.Data["release"] = []byte(base64.StdEncoding.EncodeToString(zipped.Bytes()))
	secret.Labels["status"] = status
	if _, err := secrets.Update(t.Context(), secret, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}
