package chart

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
)

// checkFiles checks a chart. The error has no directory.
func checkFiles(t *testing.T, files map[string]string, d Desired) (Checked, error) {
	t.Helper()
	if files["Chart.yaml"] == "" {
		files["Chart.yaml"] = chartYAML
	}
	d.Name, d.Namespace, d.Chart = "r", "n", releasetest.WriteFiles(t, files)
	checked, err := Check(d)
	for i := range checked.Warnings {
		checked.Warnings[i] = strings.ReplaceAll(checked.Warnings[i], d.Chart, "DIR")
	}
	if err != nil {
		err = fault.New(fault.ClassOf(err), errors.New(strings.ReplaceAll(err.Error(), d.Chart, "DIR")), fault.HintOf(err))
	}
	return checked, err
}

func wantConfigError(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("got %v, want no error", err)
		}
		return
	}
	if fault.ClassOf(err) != fault.Config {
		t.Fatalf("got class %q of %v, want %q", fault.ClassOf(err), err, fault.Config)
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

func TestCheck_invalidObjects(t *testing.T) {
	t.Parallel()
	deployment := func(labels, container string) string {
		return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    metadata: {labels: " + labels + "}\n" +
			"    spec: {containers: [{name: c, image: \"a:1\", " + container + "}]}\n"
	}
	tests := map[string]struct{ template, want string }{
		"accepts what the API server accepts": {
			deployment(`{app: web}`, `env: [{name: A, value: ~}], resources: {limits: {cpu: 1, memory: 1Gi}}, ports: [{containerPort: 80}], readinessProbe: {httpGet: {port: http}}`), "",
		},
		"names a number as a label": {
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, labels: {version: {{ 1.30 }}}}\n",
			"c/templates/a.yaml: ConfigMap c: metadata.labels: version is a number, want a string: quote it in the template",
		},
		"names a bool as an annotation of a pod": {
			strings.Replace(deployment(`{app: web}`, `args: []`), "{labels: {app: web}}", "{annotations: {scrape: true}}", 1),
			"c/templates/a.yaml: Deployment web: spec.template.metadata.annotations: scrape is true or false, want a string: quote it in the template",
		},
		"names an invalid label value": {
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, labels: {version: \"1.0+abc\"}}\n",
			"c/templates/a.yaml: ConfigMap c: metadata.labels: version is invalid: a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
		},
		"names a number as the value of a variable": {
			deployment(`{app: web}`, `env: [{name: PORT, value: 8080}]`),
			"c/templates/a.yaml: Deployment web: spec.template.spec.containers.env.value: got number, want string",
		},
		"names a string as a port": {
			"apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: \"80\"}]}\n",
			"c/templates/a.yaml: Service s: spec.ports.port: got string, want number",
		},
		"names a bool in a ConfigMap": {
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {debug: {{ true }}}\n",
			"c/templates/a.yaml: ConfigMap c: data: got bool, want string",
		},
		"hides the value of a Secret": {
			"apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {password: \"not base64!\"}\n",
			"c/templates/a.yaml: Secret s: cannot be read as Secret: illegal base64 data at input byte 3",
		},
		"requires apiVersion and name": {
			"kind: ConfigMap\nmetadata: {labels: {a: b}}\n",
			"c/templates/a.yaml: ConfigMap : apiVersion is missing\nc/templates/a.yaml: ConfigMap : metadata.name is missing",
		},
		"requires a name outside of hooks": {
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: c-}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: h-, annotations: {helm.sh/hook: pre-install}}\n",
			"c/templates/a.yaml: ConfigMap : metadata.name is missing",
		},
		"finds an object that is rendered twice": {
			configMap + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: other}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: \"n\"}\n",
			"c/templates/a.yaml: ConfigMap c: is rendered twice, first by c/templates/a.yaml",
		},
		"checks hooks": {
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, labels: {a: 1}, annotations: {helm.sh/hook: pre-install}}\n",
			"c/templates/a.yaml: ConfigMap c: metadata.labels: a is a number, want a string: quote it in the template",
		},
		"checks only metadata of custom resources": {
			"apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\nspec: {replicas: many, template: {metadata: {labels: {a: 1}}}}\n", "",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := checkFiles(t, map[string]string{"templates/a.yaml": tt.template}, Desired{})
			wantConfigError(t, err, tt.want)
		})
	}
	t.Run("only warns if the template looks up objects", func(t *testing.T) {
		t.Parallel()
		template := `{{ $old := lookup "v1" "Secret" "n" "s" }}` + "\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, labels: {a: 1}}\n"
		checked, err := checkFiles(t, map[string]string{"templates/a.yaml": template}, Desired{})
		wantConfigError(t, err, "")
		want := []string{"c/templates/a.yaml: ConfigMap c: metadata.labels: a is a number, want a string: quote it in the template"}
		if diff := cmp.Diff(want, checked.Warnings); diff != "" {
			t.Errorf("warnings (-want +got):\n%s", diff)
		}
	})
}

func TestCheck_emptyCharts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		files map[string]string
		want  string
	}{
		"refuses a library chart": {
			map[string]string{"Chart.yaml": chartYAML + "type: library\n", "templates/_a.tpl": "x"},
			"chart DIR is a library chart: it has no objects to install",
		},
		"refuses a chart without objects": {
			map[string]string{"templates/a.yaml": "{{ if .Values.enabled }}" + configMap + "{{ end }}"},
			"chart DIR renders no objects",
		},
		"accepts a chart of hooks": {
			map[string]string{"templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, annotations: {helm.sh/hook: pre-install}}\n"}, "",
		},
		"accepts a chart of custom resource definitions": {
			map[string]string{"crds/a.yaml": "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a}\n"}, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := checkFiles(t, tt.files, Desired{})
			wantConfigError(t, err, tt.want)
		})
	}
}

func TestCheck_images(t *testing.T) {
	t.Parallel()
	testHook := "apiVersion: v1\nkind: Pod\nmetadata: {name: \"r-test-{{ randAlpha 5 | lower }}\", annotations: {helm.sh/hook: test}}\nspec: {containers: [{name: c, image: busybox}, {name: d, image: busybox}]}\n"
	t.Run("ignores containers of custom resources", func(t *testing.T) {
		t.Parallel()
		_, err := checkFiles(t, map[string]string{"templates/a.yaml": "apiVersion: monitoring.coreos.com/v1\nkind: Prometheus\nmetadata: {name: p}\nspec: {containers: [{name: config-reloader}]}\n"}, Desired{})
		wantConfigError(t, err, "")
	})
	t.Run("names the way out for a test hook", func(t *testing.T) {
		t.Parallel()
		_, err := checkFiles(t, map[string]string{"templates/a.yaml": testHook}, Desired{})
		if err == nil || !strings.Contains(err.Error(), `container c: image "busybox" has no tag`) || !strings.Contains(fault.HintOf(err), "verify.skip: r-test-") ||
			strings.Count(fault.HintOf(err), "verify.skip") != 1 {
			t.Errorf("got %v, hint %q, want a hint with verify.skip", err, fault.HintOf(err))
		}
	})
	t.Run("ignores a test hook that never runs", func(t *testing.T) {
		t.Parallel()
		checked, err := checkFiles(t, map[string]string{"templates/a.yaml": testHook}, Desired{SkipTests: []string{"other", "r-test-*"}})
		wantConfigError(t, err, "")
		if names := checked.Rendered.TestHooks(); len(names) != 1 || !strings.HasPrefix(names[0], "r-test-") {
			t.Errorf("got test hooks %q, want one", names)
		}
	})
	t.Run("finds a digest without the tag", func(t *testing.T) {
		t.Parallel()
		digest := "sha256:" + strings.Repeat("ab", 32)
		checked, err := checkFiles(t, map[string]string{
			"values.yaml":      "a: {repository: x, digest: \"\", tag: \"1\"}\n",
			"templates/a.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: \"{{ .Values.a.repository }}@{{ .Values.a.digest }}\"}]}\n",
		}, Desired{Images: map[string]ImageRef{"a": {Repository: "one", Tag: "2@" + digest}}})
		wantConfigError(t, err, "")
		if len(checked.Unused) > 0 {
			t.Errorf("got unused %q, want none", checked.Unused)
		}
	})
	t.Run("returns the images that no object uses", func(t *testing.T) {
		t.Parallel()
		checked, err := checkFiles(t, map[string]string{
			"values.yaml":      "a: {repository: x, tag: y}\nb: {repository: x, tag: y}\n",
			"templates/a.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: \"{{ .Values.a.repository }}:{{ .Values.a.tag }}\"}]}\n",
		}, Desired{Images: map[string]ImageRef{"a": {Repository: "one", Tag: "1a"}, "b": {Repository: "one", Tag: "2b"}}})
		wantConfigError(t, err, "")
		if diff := cmp.Diff([]string{"b"}, checked.Unused); diff != "" {
			t.Errorf("unused (-want +got):\n%s", diff)
		}
	})
}

func TestCheck_cluster(t *testing.T) {
	t.Parallel()
	const hasMonitoring = `{{ if not (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1") }}{{ fail "install the operator" }}{{ end }}` + "\n" + configMap
	tests := map[string]struct {
		files    map[string]string
		cluster  Cluster
		want     string
		warnings []string
		depends  bool
	}{
		"reports a failure that does not depend on a cluster": {
			files: map[string]string{"templates/a.yaml": `{{ if .Capabilities.APIVersions.Has "apps/v1" }}{{ fail "no way" }}{{ end }}`},
			want:  `render chart DIR: execution error at (c/templates/a.yaml:1:51): no way`,
		},
		"leaves a missing API to the cluster": {
			files:    map[string]string{"templates/a.yaml": hasMonitoring},
			warnings: []string{`render chart DIR: execution error at (c/templates/a.yaml:1:74): install the operator; it queries the cluster (API monitoring.coreos.com/v1), which decides`},
			depends:  true,
		},
		"knows the APIs of the cluster": {
			files:   map[string]string{"templates/a.yaml": hasMonitoring},
			cluster: Cluster{APIVersions: []string{"monitoring.coreos.com/v1"}},
		},
		"refuses a chart whose API the cluster does not have": {
			files:   map[string]string{"templates/a.yaml": hasMonitoring},
			cluster: Cluster{APIVersions: []string{"example.com/v1"}},
			want:    `render chart DIR: execution error at (c/templates/a.yaml:1:74): install the operator`,
		},
		"leaves an API that the chart's own definitions may add to the cluster": {
			files:    map[string]string{"templates/a.yaml": hasMonitoring, "crds/a.yaml": "kind: CustomResourceDefinition\n"},
			cluster:  Cluster{APIVersions: []string{"example.com/v1"}},
			warnings: []string{`render chart DIR: execution error at (c/templates/a.yaml:1:74): install the operator; it queries the cluster (API monitoring.coreos.com/v1), which decides`},
			depends:  true,
		},
		"leaves a lookup to the cluster": {
			files:    map[string]string{"templates/a.yaml": `{{ required "no secret" (lookup "v1" "Secret" "n" "s").data }}`},
			warnings: []string{`render chart DIR: execution error at (c/templates/a.yaml:1:3): no secret; it queries the cluster (lookup of v1 Secret), which decides`},
			depends:  true,
		},
		"renders with the version of the cluster": {
			files:   map[string]string{"Chart.yaml": chartYAML + "kubeVersion: \"<1.36.0-0\"\n", "templates/a.yaml": configMap},
			cluster: Cluster{KubeVersion: "v1.35.2"},
			depends: true,
		},
		"refuses a version that the chart does not support": {
			files:   map[string]string{"Chart.yaml": chartYAML + "kubeVersion: \"<1.36.0-0\"\n", "templates/a.yaml": `{{ lookup "v1" "Secret" "n" "s" }}` + configMap},
			want:    "render chart DIR: chart requires kubeVersion: <1.36.0-0 which is incompatible with Kubernetes v1.37.0",
			depends: true,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checked, err := checkFiles(t, tt.files, Desired{Cluster: tt.cluster})
			wantConfigError(t, err, tt.want)
			if diff := cmp.Diff(tt.warnings, checked.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			if (checked.Undecided != nil) != (len(tt.warnings) > 0) || checked.DependsOnCluster() != tt.depends {
				t.Errorf("got undecided %v, depends %t, want undecided %t, depends %t", checked.Undecided, checked.DependsOnCluster(), len(tt.warnings) > 0, tt.depends)
			}
		})
	}
}

func TestCheck_size(t *testing.T) {
	t.Parallel()
	noise := make([]byte, 420<<10)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"templates/a.yaml": configMap, "files/a.txt": hex.EncodeToString(noise)}
	_, err := checkFiles(t, files, Desired{})
	wantConfigError(t, err, "")
	files["templates/hook.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: h, annotations: {helm.sh/hook: pre-install}}\ndata: {a: \"{{ .Files.Get `files/a.txt` }}\"}\n"
	if _, err := checkFiles(t, files, Desired{}); err == nil || !strings.Contains(err.Error(), "limit 1024 KiB") {
		t.Errorf("with a large hook: got %v, want an error about the size", err)
	}
}
