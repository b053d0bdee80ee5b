package chart

import (
	"crypto/rand"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
)

func TestCheck_Values(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		files  []string // values files 1.yaml, 2.yaml, …
		images map[string]ImageRef
		set    []string
		want   string
	}{
		"good values": {
			files: []string{"services:\n  auth:\n    replicas: 1\n    env: {ANY: thing}\nglobal: {free: form}\nfeature: {fast: true}\n"},
		},
		"new service, defined only by the schema": {
			files: []string{"services:\n  video: {name: video-service, replicas: 1, port: 1, image: {repository: v, tag: '1'}}\n"},
		},
		"null removes a default": {
			files: []string{"services:\n  auth: ~\n"},
		},
		"unknown key at depth 3": {
			files: []string{"services:\n  auth:\n    replcas: 1\n"},
			want:  `1.yaml:3:5: unknown key "replcas" (did you mean "replicas"?)`,
		},
		"unknown key, checked by the schema": {
			files: []string{"feature: {fats: true}\n"},
			want:  `1.yaml:1:11: unknown key "fats" (did you mean "fast"?)`,
		},
		"duplicate key": {
			files: []string{"services:\n  auth: {port: 1}\n  auth: {port: 2}\n"},
			want:  `1.yaml:3:3: duplicate key "auth": already defined in line 2`,
		},
		"scalar replaces a map of the chart": {
			files: []string{"services:\n  auth:\n    image: shop-auth:2\n"},
			want:  `1.yaml:3:12: services.auth.image is a string here and a map in DIR/chart/values.yaml:6`,
		},
		"map replaces a scalar of the chart or an earlier file": {
			files: []string{"services:\n  auth:\n    env: {A: b}\n", "sidecar:\n  image: x\n", "services: {auth: {env: {A: {B: c}}}}\n"},
		},
		"list replaces an empty map": {
			files: []string{"services:\n  auth:\n    env: [a]\n"},
			want:  "1.yaml:3:10: services.auth.env: got array, want object",
		},
		"schema violations with line, without the value": {
			files: []string{"services:\n  auth:\n    replicas: many\n    name: S3cret!\n"},
			want: "1.yaml:3:15: services.auth.replicas: got string, want integer\n" +
				"1.yaml:4:11: services.auth.name: does not match the pattern \"^[a-z-]+$\"",
		},
		"missing required value": {
			files: []string{"services:\n  auth:\n    image: {tag: ~}\n"},
			want:  "1.yaml:3:12: services.auth.image: missing tag",
		},
		"several problems in several files": {
			files: []string{"sidecr: a\n", "a: [\n", "services: {auth: {prot: 1}}\nservices: {}\n"},
			want: "1.yaml:1:1: unknown key \"sidecr\" (did you mean \"sidecar\"?)\n" +
				"2.yaml:1:1: did not find expected node content\n" +
				"3.yaml:1:19: unknown key \"prot\" (did you mean \"port\"?)\n" +
				"3.yaml:2:1: duplicate key \"services\": already defined in line 1",
		},
		"list instead of a map": {
			files: []string{"- a\n"},
			want:  "1.yaml:1:1: want a map, got a list",
		},
		"image at an unknown path": {
			images: map[string]ImageRef{"services.auth.imge": {Repository: "a", Tag: "1"}},
			want:   `images: services.auth.imge: unknown key "imge" (did you mean "image"?)`,
		},
		"images as map and string": {
			images: map[string]ImageRef{"services.auth.image": {Repository: "a", Tag: "1"}, "sidecar": {Repository: "b", Tag: "2"}},
		},
		"--set of an unknown key hides the value": {
			set:  []string{"services.auth.pasword=s3cret"},
			want: `--set services.auth.pasword: unknown key "pasword" (known keys: env, image, name, port, replicas, resources)`,
		},
		"--set replaces a map": {
			set:  []string{"services=s3cret"},
			want: "--set services: services is a string here and a map in DIR/chart/values.yaml:1",
		},
		"--set with invalid syntax": {
			set:  []string{"sidecar=a,s3cret"},
			want: `--set sidecar: cannot be read (use path=value; escape commas in the value as \,)`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := Desired{Name: "shop", Namespace: "shop", Chart: releasetest.CopyChart(t, "testdata/chart"), Images: tt.images, Set: tt.set}
			dir := filepath.Dir(d.Chart)
			for i, text := range tt.files {
				file := filepath.Join(dir, string(rune('1'+i))+".yaml")
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				d.ValuesFiles = append(d.ValuesFiles, file)
			}
			_, err := Check(d)
			if tt.want == "" {
				if err != nil {
					t.Errorf("got %v, want no error", err)
				}
				return
			}
			if err == nil || fault.ClassOf(err) != fault.Config {
				t.Fatalf("got class %q of %v, want %q", fault.ClassOf(err), err, fault.Config)
			}
			got := strings.ReplaceAll(err.Error(), dir, "DIR")
			got = strings.ReplaceAll("\n"+got, "\nDIR/", "\n")[1:]
			want := strings.ReplaceAll(tt.want, " in 1.yaml", " in DIR/1.yaml")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"

func shop() Desired { return Desired{Name: "shop", Namespace: "shop", Chart: "testdata/chart"} }

const chartYAML = "apiVersion: v2\nname: c\nversion: 0.1.0\n"

func TestCheck_Charts(t *testing.T) {
	t.Parallel()
	noise := make([]byte, 2<<20)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	pod := func(image string) string {
		return "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: " + image + "}]}\n"
	}
	tests := map[string]struct {
		files map[string]string
		want  []string
	}{
		"valid chart":                {map[string]string{"templates/p.yaml": pod("a:1")}, nil},
		"digest without tag":         {map[string]string{"templates/p.yaml": pod("reg:5000/a@sha256:abc")}, nil},
		"no tag":                     {map[string]string{"templates/p.yaml": pod("reg:5000/a")}, []string{`Pod p: container c: image "reg:5000/a" has no tag`}},
		"tag latest in a hook":       {map[string]string{"templates/p.yaml": strings.Replace(pod("a:latest"), "{name: p}", "{name: p, annotations: {helm.sh/hook: test}}", 1)}, []string{`image "a:latest" has the tag latest`}},
		"failing template":           {map[string]string{"templates/p.yaml": `{{ fail "no way" }}`}, []string{"render chart", "no way"}},
		"template with invalid YAML": {map[string]string{"templates/p.yaml": "kind: [\n"}, []string{"render chart"}},
		"syntax error in the defaults": {
			map[string]string{"values.yaml": "a: 1\n b: 2\n"},
			[]string{"values.yaml:2:1: mapping values are not allowed in this context"},
		},
		"missing dependency": {
			map[string]string{"Chart.yaml": chartYAML + "dependencies: [{name: db, version: '1', repository: file://../db}]\n"},
			[]string{"found in Chart.yaml, but missing in charts/ directory: db"},
		},
		"schema that refers to a missing file": {
			map[string]string{"values.schema.json": `{"$ref": "other.json"}`},
			[]string{"values.schema.json: invalid schema", "other.json is not a file of the chart"},
		},
		"schema that refers to a file outside the chart": {
			map[string]string{"values.schema.json": `{"$ref": "../../etc/passwd"}`},
			[]string{"etc/passwd is not a file of the chart"},
		},
		"large file": {
			map[string]string{"templates/p.yaml": pod("a:1"), "notes/huge.txt": hex.EncodeToString(noise)},
			[]string{"limit 1024 KiB", "largest files: notes/huge.txt (4096 KiB)"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.files["Chart.yaml"] == "" {
				tt.files["Chart.yaml"] = chartYAML
			}
			_, err := Check(Desired{Name: "r", Namespace: "n", Chart: releasetest.WriteFiles(t, tt.files)})
			if len(tt.want) == 0 && err != nil {
				t.Errorf("got %v, want no error", err)
			}
			for _, part := range tt.want {
				if err == nil || fault.ClassOf(err) != fault.Config || !strings.Contains(err.Error(), part) {
					t.Errorf("got class %q, %v, want %q with %q", fault.ClassOf(err), err, fault.Config, part)
				}
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	t.Run("rejects links that leave the chart", func(t *testing.T) {
		t.Parallel()
		outside := releasetest.WriteFiles(t, map[string]string{"secret": "x"})
		dir := releasetest.WriteFiles(t, map[string]string{"Chart.yaml": chartYAML, "real": "x", "templates/c.yaml": configMap})
		if err := os.Symlink(filepath.Join(dir, "real"), filepath.Join(dir, "inside")); err != nil {
			t.Fatal(err)
		}
		if _, err := Check(Desired{Name: "r", Namespace: "n", Chart: dir}); err != nil {
			t.Errorf("link inside the chart: got %v, want no error", err)
		}
		for link, target := range map[string]string{"out": filepath.Join(outside, "secret"), "loop": dir} {
			if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
				t.Fatal(err)
			}
		}
		_, err := Check(Desired{Name: "r", Namespace: "n", Chart: dir})
		for _, part := range []string{"out points outside the chart", "loop points to a directory that contains it"} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("got %v, want it to contain %q", err, part)
			}
		}
	})

	t.Run("validates the values of subcharts", func(t *testing.T) {
		t.Parallel()
		files := map[string]string{
			"Chart.yaml":                        chartYAML + "dependencies: [{name: db, version: 0.1.0, alias: store, condition: store.enabled}]\n",
			"charts/db/Chart.yaml":              "apiVersion: v2\nname: db\nversion: 0.1.0\n",
			"charts/db/values.yaml":             "size: 1\n",
			"charts/db/values.schema.json":      `{"properties": {"size": {"type": "integer"}, "mode": {"type": "string"}}}`,
			"charts/db/templates/configmap.yml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: db}\ndata: {size: \"{{ .Values.size }}\"}\n",
			"v.yaml":                            "store: {enabled: true, size: 2, mode: x, sise: 3}\n",
		}
		dir := releasetest.WriteFiles(t, files)
		_, err := Check(Desired{Name: "r", Namespace: "n", Chart: dir, ValuesFiles: []string{filepath.Join(dir, "v.yaml")}})
		if err == nil || !strings.HasSuffix(err.Error(), `v.yaml:1:42: unknown key "sise" (did you mean "size"?)`) {
			t.Errorf("got %v, want the unknown key", err)
		}
		d := Desired{Name: "r", Namespace: "n", Chart: dir, Set: []string{"store.size=wrong"}}
		if _, err := Check(d); err == nil || err.Error() != "--set store.size: store.size: got string, want integer" {
			t.Errorf("got %v, want the wrong type", err)
		}
		d.Set = []string{"store.enabled=true,store.size=5"}
		rendered, err := Render(d)
		if err != nil || len(rendered.Objects) != 1 || Lookup(rendered.Objects[0].Object, []string{"data", "size"}) != "5" {
			t.Errorf("got %+v, %v, want a ConfigMap with size 5", rendered, err)
		}
	})
}
