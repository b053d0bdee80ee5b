//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// newShop lays out the smallest app, with the project's own recipes, for a cluster
// of that name and that port of this machine.
func newShop(t *testing.T, cluster, port string) *project {
	p := newProject(t, "testdata/shop", "test", strings.NewReplacer("shop-e2e", cluster, "24080", port), "tkdeploy.yaml", "chart", "web")
	copyTree(t, "../../offline", filepath.Join(p.dir, "offline"))
	p.url = "http://localhost:" + port + "/health"
	return p
}

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

// changedFile replaces text in a file of the project and puts it back.
func (p *project) replaceInFile(t *testing.T, name, old, with string) {
	t.Helper()
	path := filepath.Join(p.dir, name)
	before := readFile(t, path)
	if !strings.Contains(before, old) {
		t.Fatalf("%s has no %q", name, old)
	}
	writeFile(t, path, strings.Replace(before, old, with, 1))
	t.Cleanup(func() { writeFile(t, path, before) })
}

func (p *project) testInvalidConfig(t *testing.T) {
	p.replaceInFile(t, "tkdeploy.yaml", "name: shop\n", "name: shop\nname: shop\nimagse: {}\nbases: go\n")
	p.run(t, "up").wantExit(t, 3).wantStderr(t,
		`tkdeploy.yaml:4:1: duplicate key "name"`,
		`tkdeploy.yaml:5:1: unknown key "imagse" (did you mean "images"?)`,
		`tkdeploy.yaml:6:8: `)
	p.wantNoContainers(t)
}

func (p *project) testUnknownValue(t *testing.T) {
	values := filepath.Join(p.dir, "more.yaml")
	writeFile(t, values, "web:\n  image:\n    repositry: x\n")
	p.run(t, "up", "--values", values).wantExit(t, 3).wantStderr(t, `more.yaml:3:5: unknown key "repositry" (did you mean "repository"?)`)
	p.wantNoContainers(t)
}

func (p *project) wantNoContainers(t *testing.T) {
	t.Helper()
	if found := docker(t, "ps", "--all", "--quiet", "--filter", "label=io.x-k8s.kind.cluster=shop-e2e"); found != "" {
		t.Errorf("containers: %s", found)
	}
}

func (p *project) withEnv(variables ...string) *project {
	other := *p
	other.extraEnv = slices.Concat(p.extraEnv, variables)
	return &other
}

func (p *project) testNoEngine(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "docker.sock")
	got := p.withEnv("DOCKER_HOST=unix://"+socket).run(t, "up").wantExit(t, 4).wantStderr(t, socket, "hint:")
	if got.elapsed > 6*time.Second {
		t.Errorf("took %s", got.elapsed)
	}
}

func (p *project) testNoPermission(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: only root can become another user; internal/engine tests the same with a socket of its own")
	}
	command(t, "chmod", "-R", "a+rX", filepath.Dir(p.dir)) // for the other user
	out := command(t, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "HOME=/nonexistent",
		"XDG_STATE_HOME="+p.state, "sh", "-c", "cd "+p.dir+"; "+binary(t)+" up --env test 2>&1; echo exit $?")
	if !strings.Contains(out, "permission") || !strings.Contains(out, "exit 4") || strings.Contains(out, "not running") {
		t.Errorf("got\n%s", out)
	}
}

func (p *project) testFailedBuilds(t *testing.T) {
	p.replaceInFile(t, "tkdeploy.yaml", "bases:", "  other:\n    repository: shop-other\n    build: {context: web, dockerfile: web/other.Dockerfile}\nbases:")
	writeFile(t, filepath.Join(p.dir, "web", "other.Dockerfile"), "ARG GO_IMAGE\nFROM ${GO_IMAGE}\nRUN echo the other one gave up; exit 7\n")
	p.replaceInFile(t, "web/main.go", "func main() {", "func main() { undefinedThing()")
	before := imageIDs(t, "shop-web")
	p.run(t, "up").wantExit(t, 10).wantStderr(t, "undefined: undefinedThing", "the other one gave up", "Release      needs build")
	if after := imageIDs(t, "shop-web"); !slices.Equal(after, before) {
		t.Errorf("images before a failed build: %s, and after: %s", before, after)
	}
	if err := os.Remove(filepath.Join(p.dir, "web", "other.Dockerfile")); err != nil {
		t.Fatal(err)
	}
}

func (p *project) testPortInUse(t *testing.T) {
	stop := listen(t, "127.0.0.1:24080")
	defer stop()
	p.run(t, "up", "--only", "cluster").wantExit(t, 4).wantStderr(t, "port 24080 of this machine is taken")
	p.wantNoContainers(t)
}

func (p *project) testUnhealthyService(t *testing.T) {
	got := p.run(t, "up", "--set", "web.env.HEALTH=500", "--no-rollback").wantExit(t, 15).wantStderr(t, "http://web:8080/health", "500", "the shop is Internal Server Error")
	for _, part := range []string{"web/dns", "web/"} {
		if !strings.Contains(got.stderr, part) {
			t.Errorf("no line for %s:\n%s", part, got.stderr)
		}
	}
	report := filepath.Join(t.TempDir(), "junit.xml")
	p.run(t, "verify", "--junit", report).wantExit(t, 15).wantStderr(t, "http://web:8080/health")
	for _, part := range []string{`<testcase name="web/dns" classname="tkdeploy.` + p.env + `.verify"`, `type="smoke">`, "the shop is Internal Server Error"} {
		if !strings.Contains(readFile(t, report), part) {
			t.Errorf("the JUnit report lacks %s:\n%s", part, readFile(t, report))
		}
	}
	p.run(t, "up").wantExit(t, 0)
	p.run(t, "verify").wantExit(t, 0)
}

func (p *project) testCrashLoop(t *testing.T) {
	got := p.run(t, "up", "--set", "web.env.CRASH=no such database", "--no-rollback").wantExit(t, 14).wantStderr(t, "web", "no such database", "kubectl")
	if got.elapsed > 60*time.Second {
		t.Errorf("took %s", got.elapsed)
	}
}

func (p *project) testInvalidCommand(t *testing.T) {
	got := p.run(t, "up", "--set", "web.command={/nope}", "--no-rollback").wantExit(t, 14).wantStderr(t, "web", "/nope")
	if got.elapsed > 40*time.Second {
		t.Errorf("took %s", got.elapsed)
	}
	p.run(t, "up").wantExit(t, 0)
}
