//go:build e2e

package e2e

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

func testScaledToZero(t *testing.T, p *project) {
	client := p.kube(t)
	scale(t, client, "auth-service", 0)
	wantRepaired(t, p, client)
}

func testDeletedDeployment(t *testing.T, p *project) {
	client := p.kube(t)
	if err := client.AppsV1().Deployments(stackNamespace).Delete(t.Context(), "auth-service", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	wantRepaired(t, p, client)
}

func wantRepaired(t *testing.T, p *project, client kubernetes.Interface) {
	t.Helper()
	for _, stage := range p.run(t, "up", "--output", "json").wantExit(t, 0).finished(t).Stages {
		if stage.ID == "release" && !strings.Contains(stage.Reason, "auth-service") {
			t.Errorf("got reason %q of the release, want auth-service in it", stage.Reason)
		}
	}
	deployment, err := client.AppsV1().Deployments(stackNamespace).Get(t.Context(), "auth-service", metav1.GetOptions{})
	if err != nil || deployment.Status.ReadyReplicas == 0 {
		t.Errorf("got auth-service %v, error %v, want ready replicas", deployment, err)
	}
	login(t)
}

func testMissingImage(t *testing.T, p *project) {
	if !slowTests() {
		t.Skip("SKIPPED: make test-faults runs it")
	}
	p.run(t, "up", "--set", "redis.image.tag=0-nowhere", "--no-rollback").wantExit(t, 14).
		wantStderr(t, "redis", "0-nowhere").wantWithin(t, time.Minute)
	p.run(t, "up").wantExit(t, 0)
}

func testKilledNode(t *testing.T, p *project) {
	if mayKillEngine() && !slowTests() {
		t.Skip("SKIPPED: the next step kills the node with the engine; make test-faults runs both")
	}
	id := nodeID(t)
	docker(t, "kill", stackNode)
	wantContains(t, "status", p.run(t, "status").wantExit(t, 0).stdout, "stopped")
	p.run(t, "up").wantExit(t, 0)
	if got := nodeID(t); got != id {
		t.Errorf("got node %s, want the same container %s", got, id)
	}
	login(t)
}

func nodeID(t *testing.T) string {
	t.Helper()
	return docker(t, "inspect", "--format", "{{.Id}}", stackNode)
}

func mayKillEngine() bool { return os.Getenv("TKDEPLOY_E2E_KILL_ENGINE") != "" }

// testKilledEngine kills the engine with all containers, like a crash of the machine. It is
// opt-in, because the engine may run unrelated containers.
func testKilledEngine(t *testing.T, p *project) {
	if !mayKillEngine() {
		t.Skip("SKIPPED: this kills the Docker engine; set TKDEPLOY_E2E_KILL_ENGINE=1 if nothing else uses it")
	}
	lockEngine(t, syscall.LOCK_EX)
	id := nodeID(t)
	command(t, "pkill", "-KILL", "--exact", "dockerd")
	command(t, "pkill", "-KILL", "--exact", "containerd")
	p.run(t, "up").wantExit(t, 4).wantStderr(t, "Docker")
	command(t, "../../hack/engine.sh")
	p.run(t, "up").wantExit(t, 0)
	if got := nodeID(t); got != id {
		t.Errorf("got node %s, want the same container %s", got, id)
	}
	login(t)
}

func testDownAndUp(t *testing.T, p *project) {
	p.run(t, "down").wantExit(t, 0)
	if os.Getuid() == 0 { // others cannot read the data
		// PostgreSQL removes postmaster.pid when it has written everything.
		if data, running := p.keptPaths(t, "PG_VERSION"), p.keptPaths(t, "postmaster.pid"); len(data) == 0 || len(running) > 0 {
			t.Errorf("got files %v and %v after down, want data of PostgreSQL, and no postmaster.pid", data, running)
		}
	}
	p.run(t, "up").wantExit(t, 0)
	login(t)
}
