//go:build e2e

package e2e

import (
	"testing"
	"time"
)

// TestFaults uses the row numbers of hack/faults/rows.yaml.
func TestFaults(t *testing.T) {
	useEngine(t)
	otherCluster := otherKubeconfig(t) // cleanup checks rows 11 and 14
	p := newShop(t, "shop-e2e", "24080")
	p.extraEnv = otherCluster
	t.Run("rows 7 to 9: reports all errors in tkdeploy.yaml", p.testInvalidConfig)
	t.Run("row 7: reports the position of an unknown value", p.testUnknownValue)
	t.Run("row 1: reports a missing engine", p.testNoEngine)
	t.Run("row 2: reports a missing permission", p.testNoPermission)
	t.Run("row 6: reports a port in use", p.testPortInUse)
	t.Run("row 53: rejects a credential in a build context", p.testCredential)
	t.Run("doctor reports a port in use", p.testDoctor)
	t.Run("row 13: rejects a cluster of another owner", p.testNotOwnedCluster)
	t.Run("row 15: reports all failed builds", p.testFailedBuilds)
	var k *killer
	if !t.Run("deploys the app", func(t *testing.T) { k = newKiller(t, p, uint64(time.Now().UnixNano())) }) {
		t.FailNow()
	}
	t.Run("row 3: uses the current Docker context", slow(p.testDockerContext))
	t.Run("row 4: warns about a low inotify limit", slow(p.testInotifyLimit))
	t.Run("row 5: reports a full disk in a build", slow(p.testFullDisk))
	t.Run("row 10: rejects a chart that is too large", slow(p.testLargeChart))
	t.Run("row 17: rejects an image without a fixed tag", slow(p.testMovingTag))
	t.Run("row 18: rejects an image for another architecture", slow(p.testOtherArchitecture))
	t.Run("row 49: waits for a terminating namespace", slow(p.testTerminatingNamespace))
	t.Run("row 52: redacts a rejected Secret", slow(p.testRejectedSecret))
	t.Run("builds files saved during a run in the next run", p.testSaveDuringRun)
	t.Run("row 14: keeps its kubeconfig private", p.testKubeconfigMode)
	t.Run("row 12: rejects nodes that are not kind nodes", p.testForeignNodes)
	t.Run("doctor accepts a running app", p.testDoctorRunningApp)
	t.Run("row 47: reports a health check that returns 500", slow(p.testUnhealthyService)) // also in row 31
	t.Run("row 34: reports a crash loop", slow(p.testCrashLoop))                           // also in row 31
	t.Run("row 34: collects a support bundle for a crash loop", slow(p.testSupportBundle))
	t.Run("row 37: reports an invalid command", slow(p.testInvalidCommand)) // also in internal/rollout
	t.Run("row 31: rolls back a bad release", p.testAutomaticRollback)
	t.Run("rolls back manually and deploys again", p.testManualRollback)
	t.Run("row 26: skips failed revisions in a rollback", slow(p.testRollbackSkipsFailures))
	t.Run("row 28: leaves nothing pending after a failed hook", slow(p.testFailedRollbackHook))
	t.Run("shows the log of a hook", p.testHookLog)
	t.Run("reports a hook without its image within seconds", slow(p.testHookWithoutImage))
	t.Run("removes what the hook of a killed run left", p.testHookLeftovers)
	t.Run("rolls back after a failed post-upgrade hook", slow(p.testFailedPostUpgradeHook))
	t.Run("rejects a custom resource before it changes anything", slow(p.testRejectedCustomResource))
	t.Run("adopts a kept object in an automatic rollback", slow(p.testRollbackAdoptsKept))
	t.Run("row 32: reports both causes if the rollback fails", slow(p.testFailedAutomaticRollback))
	t.Run("row 30: refuses a rollback that deletes a CRD", slow(p.testRollbackDeletesCRD))
	t.Run("row 29: rejects a change of an immutable field", slow(p.testImmutableField))
	t.Run("row 27: reports that no revision is verified", slow(p.testNothingVerified))
	k.testLocks(t)
}
