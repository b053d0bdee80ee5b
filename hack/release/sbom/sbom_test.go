package sbom

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	spdxjson "github.com/spdx/tools-golang/json"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"
)

var binary = debug.BuildInfo{
	GoVersion: "go1.26.8",
	Main:      debug.Module{Path: "tkdeploy.dev/tkdeploy", Version: "(devel)"},
	Deps: []*debug.Module{
		{Path: "github.com/docker/docker", Version: "v28.5.2+incompatible", Sum: "h1:abc="},
		{Path: "a.example/old", Version: "v1.0.0", Replace: &debug.Module{Path: "a.example/new_fork", Version: "v1.1.0"}},
	},
	Settings: []debug.BuildSetting{{Key: "GOOS", Value: "darwin"}, {Key: "GOARCH", Value: "arm64"}},
}

var options = Options{
	Version: "v1.2.3", Created: "2026-11-30T12:00:00Z", License: "Apache-2.0",
	Licenses: map[string]string{"std": "BSD-3-Clause", "github.com/docker/docker": "Apache-2.0", "a.example/new_fork": "MIT"},
}

// TestDocument reads the document with the validating parser.
func TestDocument(t *testing.T) {
	t.Parallel()
	doc, err := document(&binary, "tkdeploy", strings.Repeat("0a", 32), options)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	var got spdx.Document
	if err := spdxjson.ReadInto(bytes.NewReader(text), &got); err != nil {
		t.Fatal(err)
	}
	var packages, relationships []string
	for _, p := range got.Packages {
		packages = append(packages, strings.Join([]string{string(p.PackageSPDXIdentifier), p.PackageVersion, p.PackageLicenseDeclared, p.PackageExternalReferences[0].Locator, p.PackageSourceInfo}, " "))
	}
	for _, r := range got.Relationships {
		relationships = append(relationships, fmt.Sprint(r.RefA.ElementRefID, " ", r.Relationship, " ", r.RefB.ElementRefID))
	}
	want := []string{
		"Package-tkdeploy v1.2.3 Apache-2.0 pkg:golang/tkdeploy.dev/tkdeploy@v1.2.3 ",
		"Package-std 1.26.8 BSD-3-Clause pkg:golang/std@1.26.8 ",
		"Package-github.com-docker-docker v28.5.2+incompatible Apache-2.0 pkg:golang/github.com/docker/docker@v28.5.2%2Bincompatible go.sum: h1:abc=",
		"Package-a.example-new-fork v1.1.0 MIT pkg:golang/a.example/new_fork@v1.1.0 ",
	}
	if diff := cmp.Diff(want, packages); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
	want = []string{
		"DOCUMENT DESCRIBES Package-tkdeploy",
		"Package-tkdeploy DEPENDS_ON Package-std",
		"Package-tkdeploy DEPENDS_ON Package-github.com-docker-docker",
		"Package-tkdeploy DEPENDS_ON Package-a.example-new-fork",
	}
	if diff := cmp.Diff(want, relationships); diff != "" {
		t.Errorf("relationships (-want +got):\n%s", diff)
	}
	for _, want := range []string{`"spdxVersion":"SPDX-2.3"`, `"created":"2026-11-30T12:00:00Z"`, `"comment":"GOOS=darwin GOARCH=arm64"`, `"checksumValue":"0a0a`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("got no %s in %s", want, text)
		}
	}
}

func TestDocument_unknownLicense(t *testing.T) {
	t.Parallel()
	o := options
	o.Licenses = map[string]string{"std": "BSD-3-Clause"}
	if _, err := document(&binary, "tkdeploy", "", o); err == nil || !strings.Contains(err.Error(), "license of github.com/docker/docker is unknown") {
		t.Errorf("got %v, want an error about the license", err)
	}
}

func TestDescribe_noGoBinary(t *testing.T) {
	t.Parallel()
	if _, err := Describe("sbom.go", Options{}); err == nil || !strings.Contains(err.Error(), "read the modules of sbom.go") {
		t.Errorf("got %v, want an error", err)
	}
}

func TestPURL(t *testing.T) {
	t.Parallel()
	if got, want := PURL("github.com/docker/docker", "v28.5.2+incompatible"), "pkg:golang/github.com/docker/docker@v28.5.2%2Bincompatible"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
