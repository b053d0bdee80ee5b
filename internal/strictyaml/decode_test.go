package strictyaml_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

type settings struct {
	Name    string             `yaml:"name"`
	Images  map[string]image   `yaml:"images"`
	Ports   []int              `yaml:"ports"`
	Timeout time.Duration      `yaml:"timeout"`
	Share   float64            `yaml:"share"`
	Debug   *bool              `yaml:"debug"`
	Build   *build             `yaml:"build"`
	Level   level              `yaml:"level"`
	Free    map[string]any     `yaml:"free"`
	Common  `yaml:",inline"`   // apiVersion
	Skipped string             `yaml:"-"`
	Either  either             `yaml:"either"`
	Retries uint8              `yaml:"retries"`
	Tree    *tree              `yaml:"tree"`
	Nested  map[string][]build `yaml:"nested"`
}

type tree struct {
	Next *tree `yaml:"next"`
}

type Common struct {
	APIVersion string `yaml:"apiVersion"`
}

type image struct {
	Repository string `yaml:"repository"`
	Tag        string `yaml:"tag"`
}

type build struct {
	Context string            `yaml:"context"`
	Args    map[string]string `yaml:"args"`
}

type level string

func (l *level) UnmarshalText(text []byte) error {
	if string(text) != "low" && string(text) != "high" {
		return errors.New("want low or high")
	}
	*l = level(text)
	return nil
}

type either struct{ build }

var allowEither = cmp.AllowUnexported(either{})

func (e *either) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		e.Context = n.Value
		return nil
	}
	return strictyaml.DecodeNode(n, &e.build)
}

func TestDecode_Problems(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file string
		want []string
	}{
		"suggests the nearest known key": {
			"images:\n  auth:\n    reposiory: a\n",
			[]string{`f.yaml:3:5: unknown key "reposiory" (did you mean "repository"?)`},
		},
		"lists the known keys if none is near": {
			"images:\n  auth:\n    colour: a\n",
			[]string{`f.yaml:3:5: unknown key "colour" (known keys: repository, tag)`},
		},
		"rejects the key of an excluded field": {
			"skipped: a\n",
			[]string{`f.yaml:1:1: unknown key "skipped"`},
		},
		"reports the first line of a duplicate key": {
			"name: a\nports: []\nname: b\n",
			[]string{`f.yaml:3:1: duplicate key "name": already defined in line 1`},
		},
		"reports all problems in order": {
			"nme: a\nports: {}\ntimeout: soon\nname: a\nname: b\nimages: [1]\n",
			[]string{
				`f.yaml:1:1: unknown key "nme" (did you mean "name"?)`,
				`f.yaml:2:8: want a list, got a map`,
				`f.yaml:3:10: want a duration such as 30s or 5m, got a string`,
				`f.yaml:5:1: duplicate key "name": already defined in line 4`,
				`f.yaml:6:9: want a map, got a list`,
			},
		},
		"rejects a map instead of a scalar": {
			"name: {a: b}\ndebug: [true]\n",
			[]string{`f.yaml:1:7: want a string, got a map`, `f.yaml:2:8: want true or false, got a list`},
		},
		"hides values of the wrong type": {
			"ports: [80, s3cret]\nshare: s3cret\ndebug: s3cret\nretries: -1\n",
			[]string{
				`f.yaml:1:13: want a whole number, got a string`,
				`f.yaml:2:8: want a number, got a string`,
				`f.yaml:3:8: want true or false, got a string`,
				`f.yaml:4:10: want a non-negative whole number, got a number`,
			},
		},
		"rejects a fraction for an integer": {
			"ports: [80.5]\n",
			[]string{`f.yaml:1:9: want a whole number, got a number`},
		},
		"reports errors of UnmarshalText": {
			"level: middle\n",
			[]string{`f.yaml:1:8: want low or high`},
		},
		"stays strict in UnmarshalYAML": {
			"either: {contxt: a}\n",
			[]string{`f.yaml:1:10: unknown key "contxt" (did you mean "context"?)`},
		},
		"finds unknown keys in maps and lists": {
			"nested:\n  a:\n  - contex: x\n    args: {a: [b]}\n",
			[]string{
				`f.yaml:3:5: unknown key "contex" (did you mean "context"?)`,
				`f.yaml:4:15: want a string, got a list`,
			},
		},
		"reports the line of a syntax error": {
			"name: a\n  ports: [\n",
			[]string{`f.yaml:2:1: mapping values are not allowed in this context`},
		},
		"suggests spaces instead of tabs": {
			"images:\n\tauth: a\n",
			[]string{`f.yaml:2:1: found character that cannot start any token (indent with spaces, not tabs)`},
		},
		"rejects a second document": {
			"name: a\n---\nname: b\n",
			[]string{`f.yaml:2:1: unexpected second document: a file must contain only one`},
		},
		"rejects a map as a key": {
			"free:\n  {a: b}: c\n",
			[]string{`f.yaml:2:3: key must be a plain value, not a map or a list`},
		},
		"rejects an anchor that contains itself": {
			"tree: &n\n  next: *n\n",
			[]string{`f.yaml:2:9: anchor "n" contains itself`},
		},
		"finds an unknown anchor": {
			"name: a\nimages:\n  web: *gone\n",
			[]string{`f.yaml:3:8: unknown anchor 'gone' referenced`},
		},
		"finds bytes that are not UTF-8": {
			"name: a\nfree: {b: \"caf\xe9\"}\n",
			[]string{`f.yaml:2:15: invalid trailing UTF-8 octet (save the file as UTF-8)`},
		},
		"rejects a list instead of a map": {
			"- a\n",
			[]string{`f.yaml:1:1: want a map, got a list`},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			into := settings{Name: "before"}
			problems := strictyaml.Decode("f.yaml", []byte(tt.file), &into)
			if diff := cmp.Diff(strings.Join(tt.want, "\n"), problems.Error()); diff != "" {
				t.Errorf("problems differ (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(settings{Name: "before"}, into, allowEither); diff != "" {
				t.Errorf("into changed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	t.Run("fills the struct", func(t *testing.T) {
		t.Parallel()
		const file = `
apiVersion: v1
name: 1.30
defaults: &d {repository: a, tag: "1"}
images:
  auth: {<<: *d, tag: "2"}
  video: *d
ports: [80, 0x10]
timeout: 1m30s
debug: true
build: {context: ., args: {A: b}}
level: high
free: {a: {b: [1]}}
either: services
`
		var into struct {
			Defaults image `yaml:"defaults"`
			settings `yaml:",inline"`
		}
		if problems := strictyaml.Decode("f.yaml", []byte(file), &into); problems.Err() != nil {
			t.Fatal(problems)
		}
		debug := true
		want := settings{
			Name:    "1.30",
			Images:  map[string]image{"auth": {"a", "2"}, "video": {"a", "1"}},
			Ports:   []int{80, 16},
			Timeout: 90 * time.Second,
			Debug:   &debug,
			Build:   &build{Context: ".", Args: map[string]string{"A": "b"}},
			Level:   "high",
			Free:    map[string]any{"a": map[string]any{"b": []any{1}}},
			Common:  Common{APIVersion: "v1"},
			Either:  either{build{Context: "services"}},
		}
		if diff := cmp.Diff(want, into.settings, allowEither); diff != "" {
			t.Errorf("settings differ (-want +got):\n%s", diff)
		}
	})

	t.Run("keeps defaults for empty files and nulls", func(t *testing.T) {
		t.Parallel()
		for _, file := range []string{"", "# nothing\n", "name:\nimages: ~\nbuild:\n", "null\n", "---\n---\n# nothing\n", "name:\n---\n"} {
			into := settings{Name: "default"}
			if problems := strictyaml.Decode("f.yaml", []byte(file), &into); problems.Err() != nil {
				t.Errorf("Decode(%q): got %v, want no problems", file, problems)
			}
			if into.Name != "default" {
				t.Errorf("Decode(%q): got name %q, want default", file, into.Name)
			}
		}
	})

	t.Run("limits the expansion of aliases", func(t *testing.T) {
		t.Parallel()
		file := "nested:\n  a0: &a0 [{context: x}]\n"
		for i := 1; i < 40; i++ {
			file += fmt.Sprintf("  a%d: &a%d [*a%d, *a%d]\n", i, i, i-1, i-1)
		}
		var into map[string]map[string]any
		problems := strictyaml.Decode("f.yaml", []byte(file), &into)
		if problems.Err() == nil {
			t.Fatal("got no problem, want one about the size")
		}
	})
}

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"repository", "tag", "replicas", "port", "ports"}
	for name, want := range map[string]string{
		"reposiory": "repository",
		"Replicas":  "replicas",
		"tga":       "tag",
		"prot":      "port",
		"x":         "",
		"":          "",
		"zzz":       "",
	} {
		if got := strictyaml.Nearest(name, known); got != want {
			t.Errorf("Nearest(%q): got %q, want %q", name, got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"name: a\nimages: {a: {repository: b}}\n", "a: &a [*a]\n", "<<: {a: b}\n", "? [a]\n: b\n",
		"\t", "a: !!int x\n", "%YAML 1.2\n---\n", "a: !!binary '='\n", "{a: }\n# c\n", "- |\n x\n", "<<: *a", "!!merge x: y",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var into settings
		problems := strictyaml.Decode("f.yaml", data, &into)
		for _, p := range problems {
			if p.Message == "" || p.Line < 0 || p.Column < 0 {
				t.Errorf("got %+v, want a message and a position", p)
			}
		}
		if len(problems) == 0 {
			return
		}
		if diff := cmp.Diff(settings{}, into, allowEither); diff != "" {
			t.Errorf("into changed despite problems (-want +got):\n%s", diff)
		}
	})
}
