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
	stackURL       = "http://localhost:24000" // of the gateway
	frontendURL    = "http://localhost:23000"
	stackNode      = "tiktok-e2e-control-plane"
)

func newStack(t *testing.T) *project {
	return newProject(t, "../..", "tiktok-e2e", "ci",
		strings.NewReplacer("tiktok-ci", "tiktok-e2e", "14000:", "24000:", "13000:", "23000:"),
		"tkdeploy.yaml", "chart", "services", "offline")
}

// TestStack runs the reference stack through its life cycle. Each step continues the previous one.
func TestStack(t *testing.T) {
	release := useEngine(t)
	p := newStack(t)
	volumes := strings.Fields(docker(t, "volume", "ls", "--quiet"))
	steps := []struct {
		name string
		test func(*testing.T, *project)
	}{
		{"deploys to a bare machine", testFirstUp},
		{"changes nothing on a second run", testSecondUp},
		{"rebuilds, loads and rolls out one changed service", testOneChange},
		{"repairs a service scaled to zero", testScaledToZero},
		{"repairs a deleted Deployment", testDeletedDeployment},
		{"passes the browser tests", testBrowserJourney},
		{"loses no request in a rolling update", testRollingUpdate},
		{"loses no acknowledged write when stores restart", testDeletedStores},
		{"scales PostgreSQL to streaming replicas", testDatabaseReplicas},
		{"names missing services and stores", testMissingParts},
		{"keeps the replicas of an autoscaled service", testAutoscaling},
		{"reports a missing image", testMissingImage}, // also in internal/rollout
		{"restarts a killed node with its data", testKilledNode},
		{"keeps volumes and password across down and up", testDownAndUp},
		{"recovers from a killed engine", func(t *testing.T, p *project) { release(); testKilledEngine(t, p) }}, // needs the exclusive lock
	}
	for _, step := range steps {
		if !t.Run(step.name, func(t *testing.T) { step.test(t, p) }) {
			t.Fatalf("the steps after %q depend on it", step.name)
		}
	}
	t.Run("removes everything on down --volumes", func(t *testing.T) {
		p.run(t, "down", "--volumes").wantExit(t, 0)
		// Other processes may start and stop their own containers.
		if left := docker(t, "ps", "--all", "--quiet", "--filter", "label=io.x-k8s.kind.cluster=tiktok-e2e"); left != "" {
			t.Errorf("got containers %s, want none", left)
		}
		for _, volume := range strings.Fields(docker(t, "volume", "ls", "--quiet", "--filter", "dangling=true")) {
			if !slices.Contains(volumes, volume) {
				t.Errorf("got new volume %s, want none", volume)
			}
		}
		kinds := docker(t, "ps", "--all", "--quiet", "--filter", "label=io.x-k8s.kind.cluster")
		if network := docker(t, "network", "ls", "--quiet", "--filter", "name=^kind$"); kinds == "" && network != "" {
			t.Error("got the network of kind without a cluster, want it removed")
		}
		if left, err := os.ReadDir(filepath.Join(p.state, "tkdeploy", "clusters")); err == nil && len(left) > 0 {
			t.Errorf("got cluster state %v, want none", left)
		}
	})
}

const (
	account     = `{"username":"ada","email":"ada@example.com","password":"correct horse"}`
	credentials = `{"email":"ada@example.com","password":"correct horse"}`
)

// register retries if a busy machine times out, because the gateway does not retry writes.
// A retry accepts 409: the first attempt may have succeeded.
func register(t *testing.T) {
	t.Helper()
	for retries := 0; ; retries++ {
		code, body := call(t, "POST", stackURL+"/api/v1/auth/register", "", account)
		switch {
		case code == 201 || code == 409 && retries > 0:
			return
		case code != 504 || retries == 3:
			t.Fatalf("register: got %d %s, want 201", code, body)
		}
		t.Logf("register: %d %s", code, body)
	}
}

func login(t *testing.T) {
	t.Helper()
	code, body := call(t, "POST", stackURL+"/api/v1/auth/login", "", credentials)
	var tokens struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &tokens); code != 200 || err != nil || tokens.AccessToken == "" {
		t.Fatalf("login: got %d %s, error %v, want 200 with a token", code, body, err)
	}
	if code, body := call(t, "GET", stackURL+"/api/v1/me", tokens.AccessToken, ""); code != 200 || !strings.Contains(body, "ada@example.com") {
		t.Fatalf("me: got %d %s, want 200 with the email address", code, body)
	}
}
