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
	theirs := theirKubeconfig(t) // rows 11 and 14: looked at when all is over
	p := newShop(t, "shop-e2e", "24080")
	p.extra = theirs
	t.Run("rows 7 to 9: a broken tkdeploy.yaml is told whole, and nothing is touched", p.brokenConfig)
	t.Run("row 7: an unknown value is told with its place", p.unknownValue)
	t.Run("row 1: no engine", p.noEngine)
	t.Run("row 2: no permission", p.noPermission)
	t.Run("row 6: a taken port", p.takenPort)
	t.Run("row 53: a credential in a build context", p.credential)
	t.Run("doctor, without a cluster", p.doctor)
	t.Run("row 13: a cluster that is not ours", p.foreignCluster)
	t.Run("row 15: two builds fail, both are shown, nothing is deployed", p.failedBuilds)
	var k *killer
	if !t.Run("the app comes up", func(t *testing.T) { k = newKiller(t, p, uint64(time.Now().UnixNano())) }) {
		t.FailNow()
	}
	t.Run("row 3: a Docker context other than the default", inFull(p.otherContext))
	t.Run("row 4: few inotify instances", inFull(p.fewWatches))
	t.Run("row 5: no space left during a build", inFull(p.fullDisk))
	t.Run("row 10: a chart that no release record can hold", inFull(p.largeChart))
	t.Run("row 17: an image without a fixed tag", inFull(p.movingTag))
	t.Run("row 18: an image for another architecture", inFull(p.otherArchitecture))
	t.Run("row 49: a namespace that is held", inFull(p.heldNamespace))
	t.Run("row 52: a Secret that the API server rejects", inFull(p.rejectedSecret))
	t.Run("a file that is saved during a run is of the next one", p.savedMeanwhile)
	t.Run("row 14: the own kubeconfig is private", p.ownKubeconfig)
	t.Run("row 12: nodes that are not kind's", p.foreignNodes)
	t.Run("doctor, of a running app", p.doctorOfARunningApp)
	t.Run("row 47: a service whose health answers 500", inFull(p.unhealthyService)) // row 31 has it, too
	t.Run("row 34: a crash loop", inFull(p.crashLoop))                              // row 31 has it, too
	t.Run("row 34: what is kept of a crash loop", inFull(p.bundled))
	t.Run("row 37: a bad command", inFull(p.badCommand)) // internal/rollout has it, too
	t.Run("row 31: a bad release is taken back by itself", p.takenBack)
	t.Run("a rollback by hand, and the next up", p.rolledBackByHand)
	t.Run("row 26: a rollback passes over what failed", inFull(p.passesOverFailures))
	t.Run("row 28: a failed hook leaves nothing pending", inFull(p.failedRollbackHook))
	t.Run("row 32: a rollback that fails too tells both causes", inFull(p.failedRecovery))
	t.Run("row 30: a rollback that would delete a CRD is refused", inFull(p.lostDefinition))
	t.Run("row 29: an immutable field is refused before any write", inFull(p.immutableField))
	t.Run("row 27: nothing verified, nowhere to go", inFull(p.nothingVerified))
	k.locks(t)
}

// changedFile replaces text in a file of the project and puts it back.
func (p *project) changedFile(t *testing.T, name, old, with string) {
	t.Helper()
	path := filepath.Join(p.dir, name)
	before := read(t, path)
	if !strings.Contains(before, old) {
		t.Fatalf("%s has no %q", name, old)
	}
	write(t, path, strings.Replace(before, old, with, 1))
	t.Cleanup(func() { write(t, path, before) })
}

func (p *project) brokenConfig(t *testing.T) {
	p.changedFile(t, "tkdeploy.yaml", "name: shop\n", "name: shop\nname: shop\nimagse: {}\nbases: go\n")
	p.run(t, "up").must(t, 3).says(t,
		`tkdeploy.yaml:4:1: duplicate key "name"`,
		`tkdeploy.yaml:5:1: unknown key "imagse" (did you mean "images"?)`,
		`tkdeploy.yaml:6:8: `)
	p.nothingDeployed(t)
}

func (p *project) unknownValue(t *testing.T) {
	values := filepath.Join(p.dir, "more.yaml")
	write(t, values, "web:\n  image:\n    repositry: x\n")
	p.run(t, "up", "--values", values).must(t, 3).says(t, `more.yaml:3:5: unknown key "repositry" (did you mean "repository"?)`)
	p.nothingDeployed(t)
}

func (p *project) nothingDeployed(t *testing.T) {
	t.Helper()
	if found := docker(t, "ps", "--all", "--quiet", "--filter", "label=io.x-k8s.kind.cluster=shop-e2e"); found != "" {
		t.Errorf("containers: %s", found)
	}
}

func (p *project) with(variables ...string) *project {
	other := *p
	other.extra = slices.Concat(p.extra, variables)
	return &other
}

func (p *project) noEngine(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "docker.sock")
	got := p.with("DOCKER_HOST=unix://"+socket).run(t, "up").must(t, 4).says(t, socket, "hint:")
	if got.elapsed > 6*time.Second {
		t.Errorf("took %s", got.elapsed)
	}
}

func (p *project) noPermission(t *testing.T) {
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

func (p *project) failedBuilds(t *testing.T) {
	p.changedFile(t, "tkdeploy.yaml", "bases:", "  other:\n    repository: shop-other\n    build: {context: web, dockerfile: web/other.Dockerfile}\nbases:")
	write(t, filepath.Join(p.dir, "web", "other.Dockerfile"), "ARG GO_IMAGE\nFROM ${GO_IMAGE}\nRUN echo the other one gave up; exit 7\n")
	p.changedFile(t, "web/main.go", "func main() {", "func main() { undefinedThing()")
	before := imagesOf(t, "shop-web")
	p.run(t, "up").must(t, 10).says(t, "undefined: undefinedThing", "the other one gave up", "Release      needs build")
	if after := imagesOf(t, "shop-web"); !slices.Equal(after, before) {
		t.Errorf("images before a failed build: %s, and after: %s", before, after)
	}
	if err := os.Remove(filepath.Join(p.dir, "web", "other.Dockerfile")); err != nil {
		t.Fatal(err)
	}
}

func (p *project) takenPort(t *testing.T) {
	stop := listen(t, "127.0.0.1:24080")
	defer stop()
	p.run(t, "up", "--only", "cluster").must(t, 4).says(t, "host port 24080 is in use")
	p.nothingDeployed(t)
}

func (p *project) unhealthyService(t *testing.T) {
	got := p.run(t, "up", "--set", "web.env.HEALTH=500", "--no-rollback").must(t, 15).says(t, "http://web:8080/health", "500", "the shop is Internal Server Error")
	for _, part := range []string{"web/dns", "web/"} {
		if !strings.Contains(got.stderr, part) {
			t.Errorf("no line for %s:\n%s", part, got.stderr)
		}
	}
	report := filepath.Join(t.TempDir(), "junit.xml")
	p.run(t, "verify", "--junit", report).must(t, 15).says(t, "http://web:8080/health")
	for _, part := range []string{`<testcase name="web/dns" classname="tkdeploy.` + p.env + `.verify"`, `type="smoke">`, "the shop is Internal Server Error"} {
		if !strings.Contains(read(t, report), part) {
			t.Errorf("the JUnit report lacks %s:\n%s", part, read(t, report))
		}
	}
	p.run(t, "up").must(t, 0)
	p.run(t, "verify").must(t, 0)
}

func (p *project) crashLoop(t *testing.T) {
	got := p.run(t, "up", "--set", "web.env.CRASH=no such database", "--no-rollback").must(t, 14).says(t, "web", "no such database", "kubectl")
	if got.elapsed > 60*time.Second {
		t.Errorf("took %s", got.elapsed)
	}
}

func (p *project) badCommand(t *testing.T) {
	got := p.run(t, "up", "--set", "web.command={/nope}", "--no-rollback").must(t, 14).says(t, "web", "/nope")
	if got.elapsed > 40*time.Second {
		t.Errorf("took %s", got.elapsed)
	}
	p.run(t, "up").must(t, 0)
}
