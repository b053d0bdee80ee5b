package cause

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func file(name, content string) Input {
	return Input{Kind: File, Name: name, Mode: "-rw-r--r--", Value: content}
}

func inputsOf(list ...Input) Inputs {
	return Inputs{
		Inputs: list, Dockerfile: "Dockerfile", Text: []byte("FROM a\nRUN b\nRUN c\n"),
		Instructions: []Instruction{{1, "FROM", "FROM a"}, {2, "RUN", "RUN b"}, {3, "RUN", "RUN c"}},
	}
}

func TestStore_Explain(t *testing.T) {
	t.Parallel()
	dockerfile := func(text string, all ...Instruction) Inputs {
		in := inputsOf()
		in.Text, in.Instructions = []byte(text), all
		return in
	}
	base := func(ref, id string) Input { return Input{Kind: Base, Name: ref, Value: id} }
	arg := func(name, value string) Input { return Input{Kind: Argument, Name: name, Value: value} }
	dir := func(name string) Input { return Input{Kind: Dir, Name: name, Mode: "drwxr-xr-x"} }
	executable := file("run.sh", "x")
	executable.Mode = "-rwxr-xr-x"
	var many, others []Input
	for i := range 8 {
		many = append(many, file(fmt.Sprintf("%d.go", i), "1"))
		others = append(others, file(fmt.Sprintf("%d.go", i), "2"))
	}
	for name, test := range map[string]struct {
		built []Inputs // oldest first
		now   Inputs
		want  string
	}{
		"nothing was built": {nil, inputsOf(file("main.go", "1")), ""},
		"a file":            {[]Inputs{inputsOf(file("main.go", "1"))}, inputsOf(file("main.go", "2")), "main.go changed"},
		"files with other names": {
			[]Inputs{inputsOf(file("a.go", "1"), file("main.go", "1"), file("old.go", "1"))},
			inputsOf(file("a.go", "2"), file("main.go", "2"), file("new.go", "1")), "a.go, main.go, new.go and 1 more file changed",
		},
		"an added and a removed file": {
			[]Inputs{inputsOf(file("old.go", "1"))}, inputsOf(dir("pkg"), file("pkg/new.go", "1")), "pkg/new.go added; old.go removed",
		},
		"many files":      {[]Inputs{inputsOf(many...)}, inputsOf(others...), "0.go, 1.go, 2.go and 5 more files changed"},
		"a mode":          {[]Inputs{inputsOf(file("run.sh", "x"))}, inputsOf(executable), "run.sh changed (mode)"},
		"an empty folder": {[]Inputs{inputsOf()}, inputsOf(dir("data")), "data added"},
		"a commit": {
			[]Inputs{inputsOf(dir(".git"), file(".git/HEAD", "1"), file(".git/index", "1"), file("main.go", "1"))},
			inputsOf(dir(".git"), file(".git/HEAD", "2"), file(".git/index", "2"), file(".git/objects/ab", "1"), file("main.go", "1")), ".git changed",
		},
		"a base": {
			[]Inputs{inputsOf(base("docker.io/library/golang:1.26", "sha256:1"))},
			inputsOf(base("docker.io/library/golang:1.26", "sha256:2")), "base golang:1.26 moved",
		},
		"another base by an argument": {
			[]Inputs{inputsOf(base("docker.io/library/golang:1.25", "sha256:1"), arg("GO", "golang:1.25"))},
			inputsOf(base("docker.io/library/golang:1.26", "sha256:2"), arg("GO", "golang:1.26")), "argument GO changed",
		},
		"a base, an argument and a file": {
			[]Inputs{inputsOf(base("acme/go:1", "1"), arg("GIT_SHA", "1"), file("main.go", "1"))},
			inputsOf(base("acme/go:1", "2"), arg("GIT_SHA", "2"), file("main.go", "2")), "base acme/go:1 moved; argument GIT_SHA changed; main.go changed",
		},
		"an instruction": {
			[]Inputs{inputsOf()}, dockerfile("other", Instruction{1, "FROM", "FROM a"}, Instruction{4, "RUN", "RUN x"}, Instruction{5, "RUN", "RUN c"}),
			"Dockerfile line 4 (RUN) changed",
		},
		"the Dockerfile as a file of the context": {
			[]Inputs{inputsOf(file("Dockerfile", "1"))},
			Inputs{Inputs: []Input{file("Dockerfile", "2")}, Dockerfile: "Dockerfile", Text: []byte("RUN x"), Instructions: []Instruction{{1, "RUN", "RUN x"}}},
			"Dockerfile line 1 (RUN) changed",
		},
		"an instruction that reads other files": {
			[]Inputs{inputsOf(file("a", "1"), file("b", "1"), file(".git/HEAD", "1"))},
			Inputs{Inputs: []Input{file("b", "2"), file("c", "1")}, Dockerfile: "Dockerfile", Text: []byte("COPY b c /"), Instructions: []Instruction{{1, "COPY", "COPY b c /"}}},
			"Dockerfile line 1 (COPY) changed; b changed",
		},
		"an added instruction": {
			[]Inputs{inputsOf()}, dockerfile("other", Instruction{1, "FROM", "FROM a"}, Instruction{2, "RUN", "RUN b"}, Instruction{3, "COPY", "COPY . ."}, Instruction{4, "RUN", "RUN c"}),
			"Dockerfile line 3 (COPY) added",
		},
		"a removed instruction": {[]Inputs{inputsOf()}, dockerfile("other", Instruction{1, "FROM", "FROM a"}), "Dockerfile changed"},
		"a comment":             {[]Inputs{inputsOf()}, dockerfile("# other", inputsOf().Instructions...), "Dockerfile changed (comments or layout)"},
		"an invalid Dockerfile": {[]Inputs{inputsOf()}, dockerfile("?"), "Dockerfile changed"},
		"an image that was removed": {
			[]Inputs{inputsOf(file("main.go", "1")), inputsOf(file("main.go", "2"))}, inputsOf(file("main.go", "1")), removed,
		},
		"a change after a visit to another branch": {
			[]Inputs{inputsOf(append(many[:8:8], file("main.go", "1"))...), inputsOf(append(others[:8:8], file("main.go", "1"))...)},
			inputsOf(append(many[:8:8], file("main.go", "2"))...), "main.go changed",
		},
		"the newest of two that are equally near": {
			[]Inputs{inputsOf(file("a.go", "1"), file("b.go", "1")), inputsOf(file("a.go", "2"), file("b.go", "2"))},
			inputsOf(file("a.go", "1"), file("b.go", "2")), "a.go changed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Store{Dir: filepath.Join(t.TempDir(), "inputs"), Project: "shop"}
			for i, in := range test.built {
				if err := s.Record("web", fmt.Sprintf("web:%d", i), in); err != nil {
					t.Fatal(err)
				}
			}
			if got := s.Explain("web", test.now); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			s.Project = "other"
			if got := s.Explain("web", test.now); got != "" {
				t.Errorf("another project: got %q, want nothing", got)
			}
		})
	}
}

func TestStore_Record(t *testing.T) {
	t.Parallel()
	t.Run("stores no values", func(t *testing.T) {
		t.Parallel()
		s := Store{Dir: t.TempDir()}
		secret := Input{Kind: Argument, Name: "TOKEN", Value: "hunter2"}
		in := inputsOf(secret)
		in.Instructions[1].Text, in.Text = "RUN echo hunter2", []byte("RUN echo hunter2")
		if err := s.Record("web", "web:1", in); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(s.path("web"))
		if err != nil || bytes.Contains(text, []byte("hunter2")) {
			t.Errorf("got %s, %v, want no value of the argument", text, err)
		}
		if info, err := os.Stat(s.path("web")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("got mode %v, %v, want 0600", info.Mode(), err)
		}
		in.Inputs[0].Value = "hunter3"
		if got := s.Explain("web", in); strings.Contains(got, "hunter") || got != "argument TOKEN changed" {
			t.Errorf("got %q, want only the name", got)
		}
	})

	t.Run("keeps the newest images", func(t *testing.T) {
		t.Parallel()
		s := Store{Dir: t.TempDir()}
		for i := range 3 * maxRecords {
			for range 2 { // a second build of the same image
				if err := s.Record("web", fmt.Sprintf("web:%d", i), inputsOf(file("main.go", fmt.Sprint(i)))); err != nil {
					t.Fatal(err)
				}
			}
		}
		known, err := s.read("web")
		if err != nil || len(known.Records) != maxRecords || known.Records[0].Ref != "web:14" {
			t.Errorf("got %d records, %v, want the newest %d", len(known.Records), err, maxRecords)
		}
	})

	t.Run("replaces a broken file", func(t *testing.T) {
		t.Parallel()
		s := Store{Dir: t.TempDir()}
		if err := os.WriteFile(s.path("web"), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := s.Explain("web", inputsOf()); got != "" {
			t.Errorf("got %q from a broken file, want nothing", got)
		}
		if err := s.Record("web", "web:1", inputsOf(file("a", "1"))); err != nil {
			t.Fatal(err)
		}
		if got := s.Explain("web", inputsOf(file("a", "2"))); got != "a changed" {
			t.Errorf("got %q, want the file", got)
		}
	})

	t.Run("does not name the files of a large image", func(t *testing.T) {
		t.Parallel()
		s := Store{Dir: t.TempDir()}
		var list []Input
		for i := range maxInputs {
			list = append(list, file(fmt.Sprint(i), "1"))
		}
		list = append(list, Input{Kind: Argument, Name: "A", Value: "1"})
		if err := s.Record("web", "web:1", inputsOf(list...)); err != nil {
			t.Fatal(err)
		}
		list[0].Value = "2"
		if got := s.Explain("web", inputsOf(list...)); got != "" {
			t.Errorf("got %q, want nothing", got)
		}
		list[maxInputs].Value = "2"
		if got := s.Explain("web", inputsOf(list...)); got != "argument A changed" {
			t.Errorf("got %q, want the argument", got)
		}
	})
}
