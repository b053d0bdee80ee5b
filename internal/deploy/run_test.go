package deploy

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/config"
	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// offlineRun returns a run of environment dev without an engine.
func offlineRun(t *testing.T, extra string, templates map[string]string) *Run {
	t.Helper()
	files := map[string]string{
		"chart/Chart.yaml":  "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
		"chart/values.yaml": "web: {image: {repository: a, tag: b}}\nredis: true\n",
		"ci.yaml":           "redis: false\n",
		"web/Dockerfile":    "FROM scratch\n",
		"tkdeploy.yaml": `apiVersion: tkdeploy.dev/v1
name: shop
images:
  web: {repository: shop-web, build: {context: web}, values: web.image}
chart: {path: chart, release: shop, namespace: shop}
environments:
  dev: {cluster: {kind: {name: shop-dev, image: {ref: "kindest/node:v1.35.1"}}}}
  ci: {cluster: {kind: {name: shop-ci, image: {ref: "kindest/node:v1.35.1"}}}, values: [ci.yaml]}
` + extra,
	}
	for name, text := range templates {
		files["chart/templates/"+name] = text
	}
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Load(filepath.Join(dir, "tkdeploy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := NewWorkspace(cfg, "dev", Command{Name: "up"}, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := NewSessionWithEngine(w, func(context.Context) (*engine.Engine, error) { return nil, errors.New("no engine") })
	return s.NewRun(Options{})
}

const (
	webPod     = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: \"{{ .Values.web.image.repository }}:{{ .Values.web.image.tag }}\"}]}\n"
	redisOfDev = "{{ if .Values.redis }}apiVersion: v1\nkind: Service\nmetadata: {name: redis}\nspec: {ports: [{port: 6379}]}{{ else }}" +
		"apiVersion: v1\nkind: Service\nmetadata: {name: memory}\nspec: {ports: [{port: 80}]}{{ end }}\n"
	testHook = "apiVersion: v1\nkind: Pod\nmetadata: {name: \"shop-test-{{ randAlpha 5 | lower }}\", annotations: {helm.sh/hook: test}}\nspec: {containers: [{name: c, image: busybox}]}\n"
)

func TestRun_CheckChart(t *testing.T) {
	t.Parallel()
	good := map[string]string{"web.yaml": webPod, "redis.yaml": redisOfDev}
	tests := map[string]struct {
		extra     string
		templates map[string]string
		want      string
		warnings  []string
	}{
		"accepts a chart that uses every image": {templates: good},
		"accepts a name to skip that only another environment has": {
			extra: "verify: {skip: [redis/tcp-6379, memory]}\n", templates: good,
		},
		"refuses a name to skip that no environment has": {
			extra: "verify: {skip: [redis/tcp-6380]}\n", templates: good,
			want: `skip: unknown check, Service or test hook "redis/tcp-6380"; did you mean "redis/tcp-6379"?`,
		},
		"refuses a check with the ID of a derived one": {
			extra: "verify: {checks: [{name: redis/dns, url: \"http://redis\"}]}\n", templates: good,
			want: `extra check 1: duplicate ID "redis/dns"`,
		},
		"warns of an image that the chart does not use": {
			templates: map[string]string{"redis.yaml": redisOfDev},
			warnings:  []string{"image web: the rendered chart does not use it: no template reads web.image, or its values turn it off"},
		},
		"skips a test hook whose name changes": {
			extra:     "verify: {skip: [shop-test-*]}\n",
			templates: map[string]string{"web.yaml": webPod, "test.yaml": testHook},
		},
		"renders with the version of the node image": {
			templates: map[string]string{"web.yaml": `{{ if ne .Capabilities.KubeVersion.Version "v1.35.1" }}{{ fail .Capabilities.KubeVersion.Version }}{{ end }}` + webPod},
		},
		"warns if only a cluster can decide": {
			templates: map[string]string{"web.yaml": `{{ required "no secret" (lookup "v1" "Secret" "shop" "s").data }}`},
			warnings:  []string{"render chart DIR/chart: execution error at (shop/templates/web.yaml:1:3): no secret; it queries the cluster (lookup of v1 Secret), which decides"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := offlineRun(t, tt.extra, tt.templates)
			warnings, err := run.CheckChart(t.Context())
			for i := range warnings {
				warnings[i] = strings.ReplaceAll(warnings[i], run.session.Workspace.Config.Dir, "DIR")
			}
			if diff := cmp.Diff(tt.warnings, warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("got %v, want no error", err)
			case tt.want != "" && (fault.ClassOf(err) != fault.Config || err.Error() != tt.want):
				t.Errorf("got class %q, %v, want %q", fault.ClassOf(err), err, tt.want)
			}
		})
	}
	t.Run("requires the names to skip of an environment in it", func(t *testing.T) {
		t.Parallel()
		run := offlineRun(t, "", good)
		run.session.Workspace.Env.Verify.Skip = []string{"memory", "redis"}
		_, err := run.CheckChart(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), `skip: unknown check, Service or test hook "memory"`) {
			t.Errorf("got %v, want the unknown name memory", err)
		}
	})
}

func TestRun_updateCopies(t *testing.T) {
	t.Parallel()
	for _, dryRun := range []bool{false, true} {
		s, server, _ := lockedShop(t)
		server.secrets = `{"metadata":{"name":"db","namespace":"shop"}}`
		if err := s.NewRun(Options{DryRun: dryRun}).updateCopies(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(s.Workspace.Cluster.StateDir, "secrets", "shop", "db.json")); (err == nil) == dryRun {
			t.Errorf("got %v for the copy in a run with DryRun %t", err, dryRun)
		}
	}
}
