//go:build e2e

package e2e

import (
	"testing"
	"time"
)

// TestFaults breaks the smallest app in the ways of the fault list. The numbers
// are its rows.
func TestFaults(t *testing.T) {
	useEngine(t)
	theirs := otherKubeconfig(t) // rows 11 and 14: looked at when all is over
	p := newShop(t, "shop-e2e", "24080")
	p.extraEnv = theirs
	t.Run("rows 7 to 9: a broken tkdeploy.yaml is told whole, and nothing is touched", p.testInvalidConfig)
	t.Run("row 7: an unknown value is told with its place", p.testUnknownValue)
	t.Run("row 1: no engine", p.testNoEngine)
	t.Run("row 2: no permission", p.testNoPermission)
	t.Run("row 6: a taken port", p.testPortInUse)
	t.Run("row 53: a credential in a build context", p.testCredential)
	t.Run("doctor, without a cluster", p.testDoctor)
	t.Run("row 13: a cluster that is not ours", p.testNotOwnedCluster)
	t.Run("row 15: two builds fail, both are shown, nothing is deployed", p.testFailedBuilds)
	var k *killer
	if !t.Run("the app comes up", func(t *testing.T) { k = newKiller(t, p, uint64(time.Now().UnixNano())) }) {
		t.FailNow()
	}
	t.Run("row 3: a Docker context other than the default", slow(p.testDockerContext))
	t.Run("row 4: few inotify instances", slow(p.testInotifyLimit))
	t.Run("row 5: no space left during a build", slow(p.testFullDisk))
	t.Run("row 10: a chart that no release record can hold", slow(p.testLargeChart))
	t.Run("row 17: an image without a fixed tag", slow(p.testMovingTag))
	t.Run("row 18: an image for another architecture", slow(p.testOtherArchitecture))
	t.Run("row 49: a namespace that is held", slow(p.testTerminatingNamespace))
	t.Run("row 52: a Secret that the API server rejects", slow(p.testRejectedSecret))
	t.Run("a file that is saved during a run is of the next one", p.testSaveDuringRun)
	t.Run("row 14: the own kubeconfig is private", p.testKubeconfigMode)
	t.Run("row 12: nodes that are not kind's", p.testForeignNodes)
	t.Run("doctor, of a running app", p.testDoctorRunningApp)
	t.Run("row 47: a service whose health answers 500", slow(p.testUnhealthyService)) // row 31 has it, too
	t.Run("row 34: a crash loop", slow(p.testCrashLoop))                              // row 31 has it, too
	t.Run("row 34: what is kept of a crash loop", slow(p.testSupportBundle))
	t.Run("row 37: a bad command", slow(p.testInvalidCommand)) // internal/rollout has it, too
	t.Run("row 31: a bad release is taken back by itself", p.testAutomaticRollback)
	t.Run("a rollback by hand, and the next up", p.testManualRollback)
	t.Run("row 26: a rollback passes over what failed", slow(p.testRollbackSkipsFailures))
	t.Run("row 28: a failed hook leaves nothing pending", slow(p.testFailedRollbackHook))
	t.Run("row 32: a rollback that fails too tells both causes", slow(p.testFailedAutomaticRollback))
	t.Run("row 30: a rollback that would delete a CRD is refused", slow(p.testRollbackDeletesCRD))
	t.Run("row 29: an immutable field is refused before any write", slow(p.testImmutableField))
	t.Run("row 27: nothing verified, nowhere to go", slow(p.testNothingVerified))
	k.testLocks(t)
}
