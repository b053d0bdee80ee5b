package strictyaml_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

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

// either is a context alone or a whole build.
type either struct{ build }

func (e *either) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		e.Context = n.Value
		return nil
	}
	return strictyaml.DecodeNode(n, &e.build)
}

func TestDecodeProblems(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file string
		want []string
	}{
		"an unknown key names the nearest known one": {
			"images:\n  auth:\n    reposiory: a\n",
			[]string{`f.yaml:3:5: unknown key "reposiory" (did you mean "repository"?)`},
		},
		"an unknown key near nothing lists the few known ones": {
			"images:\n  auth:\n    colour: a\n",
			[]string{`f.yaml:3:5: unknown key "colour" (known here: repository, tag)`},
		},
		"a key that the struct hides is unknown": {
			"skipped: a\n",
			[]string{`f.yaml:1:1: unknown key "skipped"`},
		},
		"a duplicate key names the line of the first": {
			"name: a\nports: []\nname: b\n",
			[]string{`f.yaml:3:1: duplicate key "name": it is already in line 1`},
		},
		"all problems are told at once and in order": {
			"nme: a\nports: {}\ntimeout: soon\nname: a\nname: b\nimages: [1]\n",
			[]string{
				`f.yaml:1:1: unknown key "nme" (did you mean "name"?)`,
				`f.yaml:2:8: want a list, got a map`,
				`f.yaml:3:10: want a duration such as 30s or 5m, got a string`,
				`f.yaml:5:1: duplicate key "name": it is already in line 4`,
				`f.yaml:6:9: want a map, got a list`,
			},
		},
		"a map where a scalar belongs": {
			"name: {a: b}\ndebug: [true]\n",
			[]string{`f.yaml:1:7: want a string, got a map`, `f.yaml:2:8: want true or false, got a list`},
		},
		"a scalar of the wrong type does not show its value": {
			"ports: [80, s3cret]\nshare: s3cret\ndebug: s3cret\nretries: -1\n",
			[]string{
				`f.yaml:1:13: want a whole number, got a string`,
				`f.yaml:2:8: want a number, got a string`,
				`f.yaml:3:8: want true or false, got a string`,
				`f.yaml:4:10: want a whole number that is not negative, got a number`,
			},
		},
		"a fraction is no whole number": {
			"ports: [80.5]\n",
			[]string{`f.yaml:1:9: want a whole number, got a number`},
		},
		"a type's own text rule is told": {
			"level: middle\n",
			[]string{`f.yaml:1:8: want low or high`},
		},
		"a type's own YAML rule stays strict": {
			"either: {contxt: a}\n",
			[]string{`f.yaml:1:10: unknown key "contxt" (did you mean "context"?)`},
		},
		"unknown keys inside maps and lists are found": {
			"nested:\n  a:\n  - contex: x\n    args: {a: [b]}\n",
			[]string{
				`f.yaml:3:5: unknown key "contex" (did you mean "context"?)`,
				`f.yaml:4:15: want a string, got a list`,
			},
		},
		"a syntax error has its line": {
			"name: a\n  ports: [\n",
			[]string{`f.yaml:2:1: mapping values are not allowed in this context`},
		},
		"a tab is told as what it is": {
			"images:\n\tauth: a\n",
			[]string{`f.yaml:2:1: found character that cannot start any token (indent with spaces, not tabs)`},
		},
		"a second document is refused": {
			"name: a\n---\nname: b\n",
			[]string{`f.yaml:2:1: a second document: the file may have only one`},
		},
		"a map as a key is refused": {
			"free:\n  {a: b}: c\n",
			[]string{`f.yaml:2:3: a key must be a plain word, not a map or a list`},
		},
		"an anchor inside itself is refused": {
			"tree: &n\n  next: *n\n",
			[]string{`f.yaml:2:9: the anchor "n" contains itself`},
		},
		"a document that is no map": {
			"- a\n",
			[]string{`f.yaml:1:1: want a map, got a list`},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			into := settings{Name: "before"}
			problems := strictyaml.Decode("f.yaml", []byte(tt.file), &into)
			if got, want := problems.Error(), strings.Join(tt.want, "\n"); got != want {
				t.Errorf("problems:\n%s\nwant:\n%s", got, want)
			}
			if !reflect.DeepEqual(into, settings{Name: "before"}) {
				t.Errorf("into was changed: %+v", into)
			}
		})
	}
}

func TestDecodeFillsTheStruct(t *testing.T) {
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
	if !reflect.DeepEqual(into.settings, want) {
		t.Errorf("got  %+v\nwant %+v", into.settings, want)
	}
}

func TestAnEmptyFileAndNullsLeaveTheDefaults(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"", "# nothing\n", "name:\nimages: ~\nbuild:\n", "null\n"} {
		into := settings{Name: "default"}
		if problems := strictyaml.Decode("f.yaml", []byte(file), &into); problems.Err() != nil {
			t.Errorf("%q: %v", file, problems)
		}
		if into.Name != "default" {
			t.Errorf("%q: name is %q", file, into.Name)
		}
	}
}

func TestNestedAliasesEndSoon(t *testing.T) {
	t.Parallel()
	file := "nested:\n  a0: &a0 [{context: x}]\n"
	for i := 1; i < 40; i++ {
		file += fmt.Sprintf("  a%d: &a%d [*a%d, *a%d]\n", i, i, i-1, i-1)
	}
	var into map[string]map[string]any
	problems := strictyaml.Decode("f.yaml", []byte(file), &into)
	if problems.Err() == nil {
		t.Fatal("excessive aliases were accepted")
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"repository", "tag", "replicas", "port", "ports"}
	for word, want := range map[string]string{
		"reposiory": "repository",
		"Replicas":  "replicas",
		"tga":       "tag",
		"prot":      "port",
		"x":         "",
		"":          "",
		"zzz":       "",
	} {
		if got := strictyaml.Nearest(word, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
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
				t.Errorf("%+v", p)
			}
		}
		if len(problems) > 0 && !reflect.DeepEqual(into, settings{}) {
			t.Errorf("problems and yet filled: %+v", into)
		}
	})
}
