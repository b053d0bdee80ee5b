package vex

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/hack/release/modules"
	"tkdeploy.dev/tkdeploy/hack/release/sbom"
)

// vulnerable are the packages with the code that the fix of each vulnerability changed.
var vulnerable = map[string][]string{
	"GO-2026-4883": {"github.com/docker/docker/plugin"},
	"GO-2026-4887": {"github.com/docker/docker/pkg/authorization"},
	"GO-2026-5617": {"github.com/docker/docker/daemon"},
	"GO-2026-5668": {"github.com/docker/docker/daemon"},
	"GO-2026-5746": {"github.com/docker/docker/daemon", "github.com/docker/docker/pkg/archive", "github.com/docker/docker/pkg/chrootarchive"},
}

// document has the fields of OpenVEX 0.2.0 that the file uses.
type document struct {
	Context    string `json:"@context"`
	ID         string `json:"@id"`
	Author     string
	Role       string
	Timestamp  string
	Version    int
	Statements []statement
}

type statement struct {
	Vulnerability struct {
		Name    string
		Aliases []string
	}
	Products []struct {
		ID            string `json:"@id"`
		Subcomponents []struct {
			ID string `json:"@id"`
		}
	}
	Status, Justification string
	ImpactStatement       string `json:"impact_statement"`
}

// TestDocument fails if a statement no longer applies: its module is gone or has
// another version, or the vulnerable code is linked.
func TestDocument(t *testing.T) {
	t.Parallel()
	linked, err := modules.List(t.Context(), "../../..", modules.Platforms, "./cmd/...")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile("../../../go.mod"); err != nil { // an input for Go's test cache
		t.Fatal(err)
	}
	file, err := os.Open("../../../.vex/tkdeploy.openvex.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	var doc document
	if err := decoder.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	stated := make(map[string]bool)
	for _, s := range doc.Statements {
		name := s.Vulnerability.Name
		if stated[name] || len(vulnerable[name]) == 0 {
			t.Errorf("%s: got a second statement, or one without its packages in this test", name)
		}
		stated[name] = true
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, problem := range problems(s, vulnerable[name], linked) {
				t.Error(problem)
			}
		})
	}
	for name := range vulnerable {
		if !stated[name] {
			t.Errorf("%s: got no statement in the document", name)
		}
	}
}

// problems returns the reasons why s does not hold.
func problems(s statement, vulnerable []string, linked []modules.Module) []string {
	var found []string
	if s.Status != "not_affected" || s.Justification != "vulnerable_code_not_present" || s.ImpactStatement == "" {
		found = append(found, "want not_affected, vulnerable_code_not_present and an impact statement")
	}
	if len(s.Products) != 1 || s.Products[0].ID != "pkg:golang/tkdeploy.dev/tkdeploy" || len(s.Products[0].Subcomponents) != 1 {
		return append(found, "want product tkdeploy with one subcomponent")
	}
	component := s.Products[0].Subcomponents[0].ID
	i := slices.IndexFunc(linked, func(m modules.Module) bool { return strings.HasPrefix(component, "pkg:golang/"+m.Path+"@") })
	if i < 0 {
		return append(found, component+" is no longer linked: remove the statement")
	}
	m := linked[i]
	if purl := sbom.PURL(m.Path, m.Version); purl != component {
		found = append(found, "got "+component+", but tkdeploy links "+purl+": check whether this version is affected")
	}
	for _, path := range vulnerable {
		if slices.Contains(m.Packages, path) {
			found = append(found, path+", which has the vulnerable code, is linked")
		}
		if stat, err := os.Stat(filepath.Join(m.Dir, strings.TrimPrefix(path, m.Path))); err != nil || !stat.IsDir() {
			found = append(found, path+" is not in "+component)
		}
	}
	return found
}

func TestProblems(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "server"), 0o755); err != nil {
		t.Fatal(err)
	}
	module := func(version string, packages ...string) []modules.Module {
		return []modules.Module{{Path: "a.example/a", Version: version, Dir: dir, Packages: packages}}
	}
	var s statement
	text := `{"vulnerability": {"name": "X"}, "status": "not_affected", "justification": "vulnerable_code_not_present", "impact_statement": "none",
		"products": [{"@id": "pkg:golang/tkdeploy.dev/tkdeploy", "subcomponents": [{"@id": "pkg:golang/a.example/a@v1.0.0"}]}]}`
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name       string
		vulnerable string
		linked     []modules.Module
		want       string
	}{
		{"accepts a statement that holds", "a.example/a/server", module("v1.0.0", "a.example/a/client"), ""},
		{"finds a module that is gone", "a.example/a/server", nil, "no longer linked"},
		{"finds another version", "a.example/a/server", module("v1.1.0", "a.example/a/client"), "links pkg:golang/a.example/a@v1.1.0"},
		{"finds linked code", "a.example/a/server", module("v1.0.0", "a.example/a/server"), "is linked"},
		{"finds a package that does not exist", "a.example/a/typo", module("v1.0.0"), "a.example/a/typo is not in"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := strings.Join(problems(s, []string{test.vulnerable}, test.linked), "\n")
			if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
