package values

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	helmchart "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
)

const chartYAML = "apiVersion: v2\nname: c\nversion: 0.1.0\n"

func loadFiles(t *testing.T, files map[string]string) *helmchart.Chart {
	t.Helper()
	if files["Chart.yaml"] == "" {
		files["Chart.yaml"] = chartYAML
	}
	var buffered []*loader.BufferedFile
	for name, text := range files {
		buffered = append(buffered, &loader.BufferedFile{Name: name, Data: []byte(text)})
	}
	c, err := loader.LoadFiles(buffered)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// check returns the problems and warnings of one values file.
func check(t *testing.T, files map[string]string, values string, rules Rules) (problems, warnings string) {
	t.Helper()
	v := Layer(loadFiles(t, files), Sources{Chart: "chart", Files: []File{{"v.yaml", []byte(values)}}})
	found, err := v.Check(loadFiles(t, files), rules)
	if err != nil {
		t.Fatal(err)
	}
	return found.Problems.Error(), found.Warnings.Error()
}

func TestValues_Check_unknownKeys(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	tests := map[string]struct {
		files             map[string]string // template: templates/a.yaml
		values            string
		rules             Rules
		problems, warning string
	}{
		"accepts a key that only a template reads": {
			files:  map[string]string{"values.yaml": "replicas: 1\n", "templates/a.yaml": "a: {{ .Values.nameOverride | default .Release.Name }}"},
			values: "nameOverride: shop\n",
		},
		"accepts a key that values.yaml has as a comment": {
			files:  map[string]string{"values.yaml": "replicas: 1\n# nameOverride: another name\n## @param global.zone Zone\n"},
			values: "nameOverride: shop\nzone: a\n",
		},
		"accepts further keys of a map that a template reads as a whole": {
			files: map[string]string{
				"values.yaml": "nodeSelector: {os: linux}\nresources: {requests: {cpu: 1}}\nenv: {LOG_LEVEL: info}\n",
				"templates/a.yaml": "a: {{ toYaml .Values.nodeSelector }}\n{{ with .Values.resources }}b: {{ toYaml . }}{{ end }}\n" +
					"{{ range $k, $v := .Values.env }}{{ $k }}: {{ $v }}{{ end }}",
			},
			values: "nodeSelector: {disk: ssd}\nresources: {limits: {cpu: 1}, requests: {memory: 1}}\nenv: {LOG_LEVELS: debug}\n",
		},
		"follows variables, with, range, include and dict": {
			files: map[string]string{
				"values.yaml": "services: {web: {port: 1}}\nimage: {name: a}\n",
				"templates/_h.tpl": `{{ define "image" }}{{ .image.registry }}/{{ .image.name }}{{ if .ctx.Values.debug }}-debug{{ end }}{{ end }}` +
					`{{ define "port" }}{{ index .Values.ports "http" }}{{ end }}`,
				"templates/a.yaml": `{{ range $name, $s := .Values.services }}{{ $s.port }}{{ .scheme }}{{ $.Values.zone }}{{ end }}` +
					`{{ include "image" (dict "image" .Values.image "ctx" $) }}{{ $x := .Values.extra }}{{ with $x }}{{ .one }}{{ end }}{{ template "port" . }}`,
			},
			values:   "services: {api: {port: 2, scheme: http, prot: 3}}\nimage: {registry: r, namme: b}\ndebug: true\nzone: z\nextra: {one: 1, two: 2}\nports: {http: 80}\n",
			problems: `v.yaml:1:41: unknown key "prot" (did you mean "port"?)` + "\n" + `v.yaml:2:22: unknown key "namme" (did you mean "name"?)`,
			warning:  `v.yaml:5:17: nothing in the chart reads the key "two" (known keys: one)`,
		},
		"does not take a condition for a read of the whole map": {
			files:    map[string]string{"values.yaml": "ingress: {host: a}\n", "templates/a.yaml": "{{ if and .Values.ingress (not .Values.quiet) }}{{ .Values.ingress.host }}{{ end }}"},
			values:   "ingress: {hots: b}\nquiet: true\n",
			problems: `v.yaml:1:11: unknown key "hots" (did you mean "host"?)`,
		},
		"warns about a key without a similar one": {
			files:   map[string]string{"values.yaml": "replicas: 1\n", "templates/a.yaml": "{{ .Values.replicas }}"},
			values:  "disk: ssd\n",
			warning: `v.yaml:1:1: nothing in the chart reads the key "disk" (known keys: replicas)`,
		},
		"refuses a key that is similar to a known one": {
			files:    map[string]string{"values.yaml": "replicas: 1\n"},
			values:   "replica: 2\n",
			problems: `v.yaml:1:1: unknown key "replica" (did you mean "replicas"?)`,
		},
		"refuses every unknown key with strict": {
			files:    map[string]string{"values.yaml": "replicas: 1\n"},
			values:   "disk: ssd\n",
			rules:    Rules{Strict: &yes},
			problems: `v.yaml:1:1: unknown key "disk" (known keys: replicas)`,
		},
		"refuses no key without strict": {
			files:   map[string]string{"values.yaml": "replicas: 1\n"},
			values:  "replica: 2\n",
			rules:   Rules{Strict: &no},
			warning: `v.yaml:1:1: unknown key "replica" (did you mean "replicas"?)`,
		},
		"accepts any key below an open path": {
			files:  map[string]string{"values.yaml": "plugin: {settings: {port: 1}}\n"},
			values: "plugin: {settings: {prot: 1}}\n",
			rules:  Rules{Strict: &yes, Open: []string{"plugin.settings"}},
		},
		"refuses every unknown key of a map that the schema closes": {
			files: map[string]string{
				"values.yaml": "web: {port: 1}\n", "templates/a.yaml": "{{ toYaml .Values.web }}",
				"values.schema.json": `{"properties": {"web": {"additionalProperties": false, "properties": {"port": {}}}}}`,
			},
			values:   "web: {disk: 1}\n",
			rules:    Rules{Strict: &no},
			problems: `v.yaml:1:7: unknown key "disk" (known keys: port)`,
		},
		"accepts anchors, globals and what a chart imports": {
			files: map[string]string{
				"Chart.yaml":            chartYAML + "dependencies: [{name: db, version: 0.1.0, import-values: [data, {child: net, parent: network}]}]\n",
				"values.yaml":           "replicas: 1\n",
				"charts/db/Chart.yaml":  "apiVersion: v2\nname: db\nversion: 0.1.0\n",
				"charts/db/values.yaml": "exports: {data: {dbPort: 1}}\nnet: {zone: a}\n",
			},
			values: "x-env: &env {A: b}\nglobal: {any: {thing: 1}}\ndbPort: 2\nnetwork: {zone: b}\ntags: {a: true}\n",
		},
		"knows what a subchart's template and its parent read": {
			files: map[string]string{
				"Chart.yaml":                 chartYAML + "dependencies: [{name: db, version: 0.1.0, alias: store}]\n",
				"templates/a.yaml":           "{{ .Values.store.host }}",
				"charts/db/Chart.yaml":       "apiVersion: v2\nname: db\nversion: 0.1.0\n",
				"charts/db/values.yaml":      "size: 1\n",
				"charts/db/templates/a.yaml": "{{ .Values.mode }}",
			},
			values:   "store: {host: a, mode: b, size: 2, sise: 3}\n",
			problems: `v.yaml:1:36: unknown key "sise" (did you mean "size"?)`,
		},
		"follows a named template whose name is computed": {
			files: map[string]string{
				"values.yaml":      "kind: web\nports: {http: 80}\n",
				"templates/_h.tpl": `{{ define "c.web" }}{{ .Values.port }}{{ end }}`,
				"templates/a.yaml": `{{ include (printf "c.%s" .Values.kind) . }}`,
			},
			values: "port: 1\n",
		},
		"accepts further keys of a map that is assigned in a block": {
			files: map[string]string{
				"values.yaml":      "web: {port: 1}\non_: true\n",
				"templates/a.yaml": `{{ $x := dict }}{{ if .Values.on_ }}{{ $x = .Values.web }}{{ end }}{{ $x.ports }}`,
			},
			values: "web: {ports: 2}\n",
		},
		"accepts further keys of a map that a condition assigns": {
			files:  map[string]string{"values.yaml": "web: {port: 1}\nall: {}\n", "templates/a.yaml": `{{ if $x := or .Values.all .Values.web }}{{ $x.ports }}{{ end }}`},
			values: "web: {ports: 2}\n",
		},
		"accepts a key that a template in the values reads": {
			files:  map[string]string{"values.yaml": "url: \"\"\nhost: a\n", "templates/a.yaml": "a: {{ tpl .Values.url . }}"},
			values: "url: http://{{ .Values.hosts.web }}/\nhosts: {web: b}\n",
		},
		"survives named templates that include each other": {
			files: map[string]string{
				"values.yaml":      "a: {b: 1}\n",
				"templates/a.yaml": `{{ define "x" }}{{ include "y" (dict "v" .) }}{{ end }}{{ define "y" }}{{ include "x" (dict "w" .) }}{{ end }}{{ include "x" .Values.a }}`,
			},
			values: "a: {c: 1}\n",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problems, warnings := check(t, tt.files, tt.values, tt.rules)
			if diff := cmp.Diff(tt.problems, problems); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.warning, warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestValues_Check_schemas(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		files             map[string]string
		values            string
		problems, warning string
	}{
		"resolves a reference to a file of the chart": {
			files: map[string]string{
				"values.yaml":         "web: {port: 80}\n",
				"values.schema.json":  `{"$id": "https://example.com/values.schema.json", "properties": {"web": {"$ref": "schemas/web.json"}, "api": {"$ref": "schemas/web.json#/properties/port"}}}`,
				"schemas/web.json":    `{"properties": {"port": {"$ref": "common.json#/$defs/port"}, "host": {}}, "additionalProperties": false}`,
				"schemas/common.json": `{"$id": "common.json", "$defs": {"port": {"type": "integer"}}}`,
			},
			values: "web: {port: x, hots: a}\napi: z\n",
			problems: `v.yaml:1:13: web.port: got string, want integer` + "\n" + `v.yaml:1:16: unknown key "hots" (did you mean "host"?)` + "\n" +
				`v.yaml:2:6: api: got string, want integer`,
		},
		"resolves references inside a schema with its own $id": {
			files: map[string]string{
				"values.yaml": "size: 1\n",
				"values.schema.json": `{"properties": {"size": {"$ref": "https://example.com/size"}},
					"$defs": {"size": {"$id": "https://example.com/size", "$ref": "#/$defs/positive", "$defs": {"positive": {"minimum": 1}}}}}`,
			},
			values:   "size: 0\n",
			problems: `v.yaml:1:7: size: minimum: want 1`,
		},
		"skips a reference to a URL": {
			files: map[string]string{
				"Chart.yaml":                    chartYAML + "dependencies: [{name: dep, version: 0.1.0}]\n",
				"charts/dep/Chart.yaml":         "apiVersion: v2\nname: dep\nversion: 0.1.0\n",
				"charts/dep/values.yaml":        "resources: {}\n",
				"charts/dep/values.schema.json": `{"properties": {"resources": {"$ref": "https://example.com/k8s.json#/definitions/R"}, "size": {"type": "integer"}}}`,
			},
			values:   "dep: {resources: {limits: {cpu: 1}}, size: x}\n",
			problems: `v.yaml:1:44: dep.size: got string, want integer`,
			warning:  `chart/charts/dep/values.schema.json: skipped the reference to https://example.com/k8s.json#/definitions/R: only files of the chart are read`,
		},
		"resolves a reference to the schema's own URL": {
			files: map[string]string{
				"values.yaml":        "size: 1\n",
				"values.schema.json": `{"$id": "https://example.com/s.json", "$schema": "https://example.com/dialect", "properties": {"size": {"$ref": "https://example.com/s.json#/$defs/size"}}, "$defs": {"size": {"type": "integer"}}}`,
			},
			values:   "size: x\n",
			problems: `v.yaml:1:7: size: got string, want integer`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problems, warnings := check(t, tt.files, tt.values, Rules{})
			if diff := cmp.Diff(tt.problems, problems); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.warning, warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestValues_Check_yaml11(t *testing.T) {
	t.Parallel()
	problems, _ := check(t, map[string]string{"values.yaml": "n: 1\nport: 2\n"}, "n: 2\n\"y\": {on: 1}\nport: {true: 1}\n", Rules{})
	if strings.Contains(problems, "key true") {
		t.Errorf("got %q, want no problem with a key that YAML 1.1 does not change", problems)
	}
	for _, want := range []string{
		`v.yaml:1:1: key n is read as true or false (YAML 1.1) (quote it: "n")`,
		`v.yaml:2:7: key on is read as true or false (YAML 1.1) (quote it: "on")`,
	} {
		if !strings.Contains(problems, want) {
			t.Errorf("got %q, want it to contain %q", problems, want)
		}
	}
}
