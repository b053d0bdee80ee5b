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

// repaired runs up, which must name auth-service as what drifted.
func wantRepaired(t *testing.T, p *project, client kubernetes.Interface) {
	t.Helper()
	events := p.run(t, "up", "--output", "json").wantExit(t, 0).events(t)
	for _, stage := range events[len(events)-1].Stages {
		if stage.ID == "release" && !strings.Contains(stage.Reason, "auth-service") {
			t.Errorf("the release's cause is %q", stage.Reason)
		}
	}
	deployment, err := client.AppsV1().Deployments(stackNamespace).Get(t.Context(), "auth-service", metav1.GetOptions{})
	if err != nil || deployment.Status.ReadyReplicas == 0 {
		t.Errorf("auth-service after up: %v, %v", deployment, err)
	}
	login(t)
}

func testMissingImage(t *testing.T, p *project) {
	if !slowTests() {
		t.Skip("SKIPPED: make test-faults runs it")
	}
	bad := p.run(t, "up", "--set", "redis.image.tag=0-nowhere", "--no-rollback").wantExit(t, 14)
	bad.wantStderr(t, "redis", "0-nowhere")
	if bad.elapsed > time.Minute {
		t.Errorf("took %s", bad.elapsed)
	}
	p.run(t, "up").wantExit(t, 0)
}

func testKilledNode(t *testing.T, p *project) {
	if mayKillEngine() && !slowTests() {
		t.Skip("SKIPPED: the engine that is killed next takes the node with it; make test-faults runs both")
	}
	node := "tiktok-e2e-control-plane"
	id := docker(t, "inspect", "--format", "{{.Id}}", node)
	docker(t, "kill", node)
	if got := p.run(t, "status").wantExit(t, 0).stdout; !strings.Contains(got, "stopped") {
		t.Errorf("status before: %s", got)
	}
	p.run(t, "up").wantExit(t, 0)
	if now := docker(t, "inspect", "--format", "{{.Id}}", node); now != id {
		t.Error("the node was created anew")
	}
	login(t)
}

func mayKillEngine() bool { return os.Getenv("TKDEPLOY_E2E_KILL_ENGINE") != "" }

// killedEngine kills the engine with everything in it, as a crash of the machine
// would. It asks first: the engine may run other people's containers.
func testKilledEngine(t *testing.T, p *project) {
	if !mayKillEngine() {
		t.Skip("SKIPPED: this kills the Docker engine; set TKDEPLOY_E2E_KILL_ENGINE=1 where nothing else needs it")
	}
	lockEngine(t, syscall.LOCK_EX)
	id := docker(t, "inspect", "--format", "{{.Id}}", "tiktok-e2e-control-plane")
	command(t, "pkill", "-KILL", "--exact", "dockerd")
	command(t, "pkill", "-KILL", "--exact", "containerd")
	p.run(t, "up").wantExit(t, 4).wantStderr(t, "Docker")
	command(t, "../../hack/engine.sh")
	p.run(t, "up").wantExit(t, 0)
	if now := docker(t, "inspect", "--format", "{{.Id}}", "tiktok-e2e-control-plane"); now != id {
		t.Error("the node was created anew")
	}
	login(t)
}

func testDownAndUp(t *testing.T, p *project) {
	p.run(t, "down").wantExit(t, 0)
	p.run(t, "up").wantExit(t, 0)
	login(t)
}
