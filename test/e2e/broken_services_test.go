//go:build e2e

package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

type breakage struct {
	name         string
	settings     []string // for --set, with KEY for the service's key
	file         string   // template to edit
	old, new     string   // with SERVICE for the name of the Deployment
	exit         int
	detectWithin time.Duration // time of the detecting stage, from the fault list
	stderr       []string
	podsReady    bool // the broken pods become ready
}

const (
	containerPorts = "          ports:\n            - {name: http"
	containerEnv   = "          {{- include \"tiktok.serviceEnv\" $service | nindent 10 }}\n"
	probes         = "          {{- include \"tiktok.serviceProbes\" $.Values.probes | nindent 10 }}\n"
)

var breakages = []breakage{
	{
		name: "bad image", settings: []string{"services.KEY.image.tag=0-nowhere"},
		exit: 14, detectWithin: 15 * time.Second, stderr: []string{"0-nowhere", "is not loaded into the node"},
	},
	{
		name: "bad command", file: "deployment.yaml", old: containerPorts,
		new:  "          {{- if eq $service.name \"SERVICE\" }}\n          command: [/no/such/program]\n          {{- end }}\n" + containerPorts,
		exit: 14, detectWithin: 25 * time.Second, stderr: []string{"cannot start command /no/such/program"},
	},
	{
		name: "missing Secret key", file: "deployment.yaml", old: containerEnv,
		new: containerEnv + "            {{- if eq $service.name \"SERVICE\" }}\n" +
			"            - {name: API_KEY, valueFrom: {secretKeyRef: {name: tiktok-db-secrets, key: API_KEY}}}\n            {{- end }}\n",
		exit: 14, detectWithin: 15 * time.Second, stderr: []string{"key API_KEY of Secret tiktok-db-secrets"},
	},
	{
		name: "too little memory", settings: []string{"services.KEY.resources.requests.memory=4Mi", "services.KEY.resources.limits.memory=4Mi"}, // small services run with 8Mi
		exit: 14, detectWithin: 45 * time.Second, stderr: []string{"memory limit is 4Mi"},
	},
	{
		name: "failing readiness", file: "deployment.yaml", old: probes,
		new:  replaceProbes("          readinessProbe: {httpGet: {path: /nowhere, port: http}, periodSeconds: 1}\n"),
		exit: 14, detectWithin: 42 * time.Second, stderr: []string{"readiness probe: GET http://:", "/nowhere", "404"},
	},
	{
		name: "500 from the health endpoint", settings: []string{"services.KEY.env.BROKEN_HEALTH=yes"}, file: "deployment.yaml", old: probes,
		new:  replaceProbes("          readinessProbe: {tcpSocket: {port: http}, periodSeconds: 1}\n          livenessProbe: {httpGet: {path: /health, port: http}, periodSeconds: 300}\n"),
		exit: 15, detectWithin: 30 * time.Second, stderr: []string{"/health", "500"}, podsReady: true,
	},
	{
		name: "wrong port", file: "service.yaml", old: "targetPort: http\n",
		new:  "targetPort: {{ if eq $service.name \"SERVICE\" }}9{{ else }}http{{ end }}\n",
		exit: 15, detectWithin: 30 * time.Second, stderr: []string{"refused"}, podsReady: true,
	},
}

func replaceProbes(other string) string {
	return "          {{- if eq $service.name \"SERVICE\" }}\n" + other + "          {{- else }}\n" + probes + "          {{- end }}\n"
}

// TestBrokenServices is row 31 of the fault list.
func TestBrokenServices(t *testing.T) {
	if !slowTests() {
		t.Skip("SKIPPED: 42 deployments of broken services take half an hour; make test-faults runs them")
	}
	useEngine(t)
	p := newStack(t)
	p.addHealthSwitch(t)
	p.run(t, "up").wantExit(t, 0)
	for _, service := range []struct{ name, key string }{
		{"auth-service", "auth"}, {"video-service", "video"}, {"interaction-service", "interaction"},
		{"notification-service", "notification"}, {"api-gateway", "gateway"}, {"frontend", "frontend"},
	} {
		for _, b := range breakages {
			t.Run(service.name+", "+b.name, func(t *testing.T) { p.testBreakage(t, service.name, service.key, b) })
		}
	}
}

// addHealthSwitch makes /health return 500 if BROKEN_HEALTH is set.
func (p *project) addHealthSwitch(t *testing.T) {
	t.Helper()
	for file, edits := range map[string][]string{
		"services/internal/health/http.go": {
			"\t\twriteJSON(w, status, report)\n", "\t\tif os.Getenv(\"BROKEN_HEALTH\") != \"\" {\n\t\t\tstatus = http.StatusInternalServerError\n\t\t}\n\t\twriteJSON(w, status, report)\n",
			"\t\"net/http\"\n", "\t\"net/http\"\n\t\"os\"\n",
		},
		"services/frontend/app/health/route.ts": {
			`report.status === "ready" ? 200 : 503`, `process.env.BROKEN_HEALTH ? 500 : report.status === "ready" ? 200 : 503`,
		},
	} {
		for i := 0; i < len(edits); i += 2 {
			p.replaceInFile(t, file, edits[i], edits[i+1])
		}
	}
}

// testBreakage deploys a broken service. up must report the reason in time and roll back.
// Unless the broken pods become ready, no request may fail.
func (p *project) testBreakage(t *testing.T, service, key string, b breakage) {
	good := newest(p.history(t))
	args := []string{"up", "--timeout", "40s", "--output", "json"}
	for _, setting := range b.settings {
		args = append(args, "--set", strings.ReplaceAll(setting, "KEY", key))
	}
	if b.file != "" {
		p.replaceInFile(t, filepath.Join("chart", "templates", "services", b.file), b.old, strings.ReplaceAll(b.new, "SERVICE", service))
	}
	t.Cleanup(func() {
		if t.Failed() { // for the next test
			p.run(t, "up")
		}
	})
	var visitors []request
	if !b.podsReady {
		visitor := newUser(t, "visitor")
		defer visitor.deleteAccount(t)
		visitors = append(visitors, request{visitor, "GET", "/api/v1/feed", 200})
	}
	running := startTraffic(t, visitors)
	got := p.run(t, args...)
	if _, failed := running.stop(); len(failed) > 0 {
		t.Errorf("got %d failed requests, want 0: %v", len(failed), failed)
	}
	got.wantExit(t, b.exit).wantStderr(t, append(b.stderr, service, "was rolled back")...)

	stage := map[int]string{14: "rollout", 15: "verify"}[b.exit]
	events := got.events(t)
	for _, e := range events {
		if e.Kind == "stage.finished" && e.Stage == stage {
			took := time.Duration(e.ElapsedMS) * time.Millisecond
			if took > b.detectWithin {
				t.Errorf("got the failure after %s, want at most %s", took, b.detectWithin)
			}
			t.Attr("seen", fmt.Sprintf("detected after %.1f s", took.Seconds()))
			break
		}
	}
	if last := events[len(events)-1]; last.Exit != b.exit || !last.RolledBack {
		t.Errorf("got last event %+v, want exit %d, rolled back", last, b.exit)
	}
	if now := newest(p.history(t)); !now.Verified || now.Status != "deployed" || !slices.Equal(now.Images, good.Images) {
		t.Errorf("got revision %+v, want the images of %+v, deployed and verified", now, good)
	}
	wantStackHealthy(t)
}
