package main

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const log = `a line of make
{"Action":"run","Package":"tkdeploy.dev/tkdeploy/test/e2e","Test":"TestFaults/row_34:_a_crash_loop"}
{"Action":"attr","Package":"tkdeploy.dev/tkdeploy/test/e2e","Test":"TestFaults/row_34:_a_crash_loop","Key":"seen","Value":"exit 14 after 9.1 s"}
{"Action":"pass","Package":"tkdeploy.dev/tkdeploy/test/e2e","Test":"TestFaults/row_34:_a_crash_loop","Elapsed":12.5}
{"Action":"fail","Package":"tkdeploy.dev/tkdeploy/test/e2e","Test":"TestFaults/row_3:_context","Elapsed":1}
{"Action":"output","Package":"tkdeploy.dev/tkdeploy/test/e2e","Test":"TestFaults/row_4:_inotify","Output":"    x_test.go:1: SKIPPED: no permission\n"}
{"Action":"skip","Package":"tkdeploy.dev/tkdeploy/test/e2e","Test":"TestFaults/row_4:_inotify"}
{"Action":"pass","Package":"tkdeploy.dev/tkdeploy/internal/rollout","Test":"TestFaultsE2E/quota"}
{"Action":"pass","Package":"tkdeploy.dev/tkdeploy/internal/rollout","Test":"TestFaultsE2E/quota/part"}
`

func TestTable(t *testing.T) {
	t.Parallel()
	tests, err := readTests("parts", strings.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	rows := []row{
		{34, "crash loop", "exit 14", []string{"e2e TestFaults/row 34:"}, ""},
		{3, "a | b", "one daemon", []string{"e2e TestFaults/row 3:"}, ""},
		{4, "inotify", "warning", []string{"e2e TestFaults/row 4:"}, ""},
		{40, "quota", "exit 14", []string{"rollout TestFaultsE2E/quota"}, ""},
		{99, "untested", "?", []string{"rollout TestFaultsE2E$", "rollout TestFaultsE2E/quota$"}, ""},
	}
	text, bad := table(rows, tests, "2026-11-25: a machine")
	for _, want := range []string{
		"| 34 | crash loop | exit 14 | pass | exit 14 after 9.1 s | 12.5s |",
		`| 3 | a \| b | one daemon | **not passed** |  | 1s |`,
		"| 40 | quota | exit 14 | pass |  | 0s |",
		"2 of 5 rows passed",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("got table:\n%s\nwant it to contain %q", text, want)
		}
	}
	want := "row 3: e2e TestFaults/row_3:_context failed\nrow 4: e2e TestFaults/row_4:_inotify was skipped: no permission\nrow 99: no test named rollout TestFaultsE2E$ ran"
	if got := strings.Join(bad, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestReadRows(t *testing.T) {
	t.Parallel()
	rows, err := readRows()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("returns complete rows in order", func(t *testing.T) {
		t.Parallel()
		if _, bad := table(rows, nil, ""); len(bad) < len(rows) {
			t.Errorf("without test results: got %d problems, want at least %d", len(bad), len(rows))
		}
		for i, r := range rows {
			if r.Row != i+1 || len(r.Tests) == 0 || r.Fault == "" || r.Expected == "" {
				t.Errorf("row %d is out of order or incomplete: %+v", i+1, r)
			}
		}
	})
	// Finds renamed tests without a run on clusters.
	t.Run("names only existing tests", func(t *testing.T) {
		t.Parallel()
		existing := slices.Concat(testsIn(t, "../../internal"), testsIn(t, "../../cmd"), testsIn(t, "../../test"), testsIn(t, ".."))
		for _, r := range rows {
			for _, name := range r.Tests {
				function, _, _ := strings.Cut(strings.TrimPrefix(name, "fuzzed "), "/")
				if !slices.ContainsFunc(existing, func(t test) bool { return t.matches(function) }) {
					t.Errorf("row %d: test %q not found in any package", r.Row, name)
				}
			}
		}
	})
}

func testsIn(t *testing.T, dir string) []test {
	t.Helper()
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	var tests []test
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, "_test.go") {
			return err
		}
		text, err := fs.ReadFile(root, file)
		for _, found := range function.FindAllSubmatch(text, -1) {
			tests = append(tests, test{name: path.Base(path.Dir(file)) + " " + string(found[1])})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}
