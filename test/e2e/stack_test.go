//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	stackNamespace = "tiktok-clone"
	stackURL       = "http://localhost:24000"
)

// newStack copies the reference stack, with a cluster name and ports of its own.
func newStack(t *testing.T) *project {
	return newProject(t, "../..", "ci",
		strings.NewReplacer("tiktok-ci", "tiktok-e2e", "14000:", "24000:", "13000:", "23000:"),
		"tkdeploy.yaml", "chart", "services", "offline")
}

// TestStack takes the reference stack through a day: each step starts where the
// one before it ended.
func TestStack(t *testing.T) {
	release := useEngine(t)
	volumes := strings.Fields(docker(t, "volume", "ls", "--quiet"))
	p := newStack(t)
	steps := []struct {
		name string
		do   func(*testing.T, *project)
	}{
		{"a bare machine ends with a checked deployment", testFirstUp},
		{"a second up changes nothing", testSecondUp},
		{"one changed source file rebuilds, loads and rolls one service", testOneChange},
		{"a service scaled to zero is repaired", testScaledToZero},
		{"a deleted Deployment is repaired", testDeletedDeployment},
		{"people use it in a browser", testBrowserJourney},
		{"a rolling update of all services loses no request", testRollingUpdate},
		{"each store's pod is deleted, and nothing acknowledged is lost", testDeletedStores},
		{"PostgreSQL grows to streaming replicas", testDatabaseReplicas},
		{"a part that is taken away is named", testMissingParts},
		{"auth-service is scaled by its load, and up leaves that alone", testAutoscaling},
		{"an image that no node has ends the run with its name", testMissingImage}, // internal/rollout has it, too
		{"a killed node is started again with its data", testKilledNode},
		{"the volumes outlive the cluster, with their password", testDownAndUp},
		{"a killed engine is no loss", func(t *testing.T, p *project) { release(); testKilledEngine(t, p) }}, // waits for all others
	}
	for _, step := range steps {
		if !t.Run(step.name, func(t *testing.T) { step.do(t, p) }) {
			t.Fatalf("the steps after %q need it", step.name)
		}
	}
	t.Run("down leaves nothing", func(t *testing.T) {
		p.run(t, "down", "--volumes").wantExit(t, 0)
		// what others start and stop meanwhile is not ours to judge
		if left := docker(t, "ps", "--all", "--quiet", "--filter", "label=io.x-k8s.kind.cluster=tiktok-e2e"); left != "" {
			t.Errorf("containers: %s", left)
		}
		for _, volume := range strings.Fields(docker(t, "volume", "ls", "--quiet", "--filter", "dangling=true")) {
			if !slices.Contains(volumes, volume) {
				t.Errorf("volume %s is left", volume)
			}
		}
		kinds := docker(t, "ps", "--all", "--quiet", "--filter", "label=io.x-k8s.kind.cluster")
		if network := docker(t, "network", "ls", "--quiet", "--filter", "name=^kind$"); kinds == "" && network != "" {
			t.Error("kind's network is left without a cluster")
		}
		if left, err := os.ReadDir(filepath.Join(p.state, "tkdeploy", "clusters")); err == nil && len(left) > 0 {
			t.Errorf("left in the state folder: %v", left)
		}
	})
}

const (
	account     = `{"username":"ada","email":"ada@example.com","password":"correct horse"}`
	credentials = `{"email":"ada@example.com","password":"correct horse"}`
)

// register makes the account. Where the machine is too busy to answer in time,
// nobody but the client may repeat a write, and it may find it done.
func register(t *testing.T) {
	t.Helper()
	for late := 0; ; late++ {
		code, body := call(t, "POST", stackURL+"/api/v1/auth/register", "", account)
		switch {
		case code == 201 || code == 409 && late > 0:
			return
		case code != 504 || late == 3:
			t.Fatalf("register: %d %s", code, body)
		}
		t.Logf("register: %d %s", code, body)
	}
}

// login opens a session of the account and reads it back with its token.
func login(t *testing.T) {
	t.Helper()
	code, body := call(t, "POST", stackURL+"/api/v1/auth/login", "", credentials)
	var tokens struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &tokens); code != 200 || err != nil || tokens.AccessToken == "" {
		t.Fatalf("login: %d %s", code, body)
	}
	if code, body := call(t, "GET", stackURL+"/api/v1/me", tokens.AccessToken, ""); code != 200 || !strings.Contains(body, "ada@example.com") {
		t.Fatalf("me: %d %s", code, body)
	}
}
