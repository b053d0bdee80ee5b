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

// A breakage is one way to break a service of the reference stack. In its edits
// SERVICE stands for the Deployment's name, in its settings KEY for the key in
// the values.
type breakage struct {
	name     string
	settings []string // --set
	file     string   // below the chart's templates
	old, new string
	exit     int
	within   time.Duration // of faults.md: from the start of the stage that finds it to the stage's end
	says     []string
	reaches  bool // people meet it: the pods are ready
}

const (
	containerPorts = "          ports:\n            - {name: http"
	containerEnv   = "          {{- include \"tiktok.serviceEnv\" $service | nindent 10 }}\n"
	probes         = "          {{- include \"tiktok.serviceProbes\" $.Values.probes | nindent 10 }}\n"
)

var breakages = []breakage{
	{
		name: "bad image", settings: []string{"services.KEY.image.tag=0-nowhere"},
		exit: 14, within: 15 * time.Second, says: []string{"0-nowhere", "is not loaded into the node"},
	},
	{
		name: "bad command", file: "deployment.yaml", old: containerPorts,
		new:  "          {{- if eq $service.name \"SERVICE\" }}\n          command: [/no/such/program]\n          {{- end }}\n" + containerPorts,
		exit: 14, within: 25 * time.Second, says: []string{"the command /no/such/program cannot be started"},
	},
	{
		name: "missing Secret key", file: "deployment.yaml", old: containerEnv,
		new: containerEnv + "            {{- if eq $service.name \"SERVICE\" }}\n" +
			"            - {name: API_KEY, valueFrom: {secretKeyRef: {name: tiktok-db-secrets, key: API_KEY}}}\n            {{- end }}\n",
		exit: 14, within: 15 * time.Second, says: []string{"key API_KEY of Secret tiktok-db-secrets"},
	},
	{
		name: "too little memory", settings: []string{"services.KEY.resources.requests.memory=4Mi", "services.KEY.resources.limits.memory=4Mi"}, // the small ones live on 8Mi
		exit: 14, within: 45 * time.Second, says: []string{"memory limit is 4Mi"},
	},
	{
		name: "failing readiness", file: "deployment.yaml", old: probes,
		new:  onlyOf("          readinessProbe: {httpGet: {path: /nowhere, port: http}, periodSeconds: 1}\n"),
		exit: 14, within: 42 * time.Second, says: []string{"readiness probe: GET http://:", "/nowhere", "404"},
	},
	{
		name: "500 from /health", settings: []string{"services.KEY.env.BROKEN_HEALTH=yes"}, file: "deployment.yaml", old: probes,
		new:  onlyOf("          readinessProbe: {tcpSocket: {port: http}, periodSeconds: 1}\n          livenessProbe: {httpGet: {path: /health, port: http}, periodSeconds: 300}\n"),
		exit: 15, within: 30 * time.Second, says: []string{"/health", "500"}, reaches: true,
	},
	{
		name: "wrong port", file: "service.yaml", old: "targetPort: http\n",
		new:  "targetPort: {{ if eq $service.name \"SERVICE\" }}9{{ else }}http{{ end }}\n",
		exit: 15, within: 30 * time.Second, says: []string{"refused"}, reaches: true,
	},
}

// onlyOf gives one service other probes.
func onlyOf(other string) string {
	return "          {{- if eq $service.name \"SERVICE\" }}\n" + other + "          {{- else }}\n" + probes + "          {{- end }}\n"
}

// TestBrokenServices breaks each service of the reference stack in each way: up
// ends in time with the cause, and what ran before serves again (row 31).
func TestBrokenServices(t *testing.T) {
	if !full() {
		t.Skip("SKIPPED: six services broken in seven ways take half an hour; make test-faults runs them")
	}
	useEngine(t)
	p := newStack(t)
	p.breakableHealth(t)
	p.run(t, "up").must(t, 0)
	for _, service := range []struct{ name, key string }{
		{"auth-service", "auth"}, {"video-service", "video"}, {"interaction-service", "interaction"},
		{"notification-service", "notification"}, {"api-gateway", "gateway"}, {"frontend", "frontend"},
	} {
		for _, b := range breakages {
			t.Run(service.name+", "+b.name, func(t *testing.T) { p.broken(t, service.name, service.key, b) })
		}
	}
}

// breakableHealth lets a variable make /health answer 500.
func (p *project) breakableHealth(t *testing.T) {
	t.Helper()
	for file, edits := range map[string][]string{
		"services/internal/health/http.go": {
			"\t\tanswer(w, status, report)\n", "\t\tif os.Getenv(\"BROKEN_HEALTH\") != \"\" {\n\t\t\tstatus = http.StatusInternalServerError\n\t\t}\n\t\tanswer(w, status, report)\n",
			"\t\"net/http\"\n", "\t\"net/http\"\n\t\"os\"\n",
		},
		"services/frontend/app/health/route.ts": {
			`report.status === "ready" ? 200 : 503`, `process.env.BROKEN_HEALTH ? 500 : report.status === "ready" ? 200 : 503`,
		},
	} {
		for i := 0; i < len(edits); i += 2 {
			p.changedFile(t, file, edits[i], edits[i+1])
		}
	}
}

func (p *project) broken(t *testing.T, service, key string, b breakage) {
	good := newest(p.history(t))
	args := []string{"up", "--timeout", "40s", "--output", "json"}
	for _, setting := range b.settings {
		args = append(args, "--set", strings.ReplaceAll(setting, "KEY", key))
	}
	if b.file != "" {
		p.changedFile(t, filepath.Join("chart", "templates", "services", b.file), b.old, strings.ReplaceAll(b.new, "SERVICE", service))
	}
	t.Cleanup(func() {
		if t.Failed() { // the next one is broken from a good state
			p.run(t, "up")
		}
	})
	var visitors []request
	if !b.reaches {
		visitor := join(t, "visitor")
		defer visitor.leave(t)
		visitors = append(visitors, request{visitor, "GET", "/api/v1/feed", 200})
	}
	running := startTraffic(t, visitors)
	got := p.run(t, args...)
	if _, failed := running.end(); len(failed) > 0 {
		t.Errorf("%d requests were dropped: %v", len(failed), failed)
	}
	got.must(t, b.exit).says(t, append(b.says, service, "was rolled back")...)

	stage := map[int]string{14: "rollout", 15: "verify"}[b.exit]
	events := got.events(t)
	for _, e := range events {
		if e.Kind == "stage.finished" && e.Stage == stage {
			took := time.Duration(e.ElapsedMS) * time.Millisecond
			if took > b.within {
				t.Errorf("found after %s, at most %s", took, b.within)
			}
			t.Attr("seen", fmt.Sprintf("found after %.1f s", took.Seconds()))
			break
		}
	}
	if last := events[len(events)-1]; last.Exit != b.exit || !last.RolledBack {
		t.Errorf("last event %+v", last)
	}
	if now := newest(p.history(t)); !now.Verified || now.Status != "deployed" || !slices.Equal(now.Images, good.Images) {
		t.Errorf("what serves now is %+v, before %+v", now, good)
	}
	if code, body := call(t, "GET", stackURL+"/health", "", ""); code != 200 {
		t.Errorf("GET /health: %d %s", code, body)
	}
}
