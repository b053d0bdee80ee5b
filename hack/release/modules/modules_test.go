package modules

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const apache = "../../../LICENSE"

// TestList fails if tkdeploy links a module without a permitted license.
func TestList(t *testing.T) {
	t.Parallel()
	// An input for Go's test cache.
	if _, err := os.ReadFile("../../../go.mod"); err != nil {
		t.Fatal(err)
	}
	modules, err := List(t.Context(), "../../..", Platforms, "./cmd/...")
	if err != nil {
		t.Fatalf("%v\nFind out the license. If it permits distribution, add it to licenses.go, otherwise do without the module.", err)
	}
	got := make(map[string]string)
	for _, m := range modules {
		got[m.Path] = m.Expression()
	}
	for path, want := range map[string]string{
		"std":                                 "BSD-3-Clause",
		"helm.sh/helm/v3":                     "Apache-2.0",
		"k8s.io/client-go":                    "Apache-2.0 AND BSD-3-Clause AND MIT", // files in third_party
		"github.com/go-errors/errors":         "MIT",                                 // LICENSE.MIT
		"github.com/opencontainers/go-digest": "Apache-2.0",                          // LICENSE.docs does not apply
		"tkdeploy.dev/tkdeploy":               "",                                    // is not third-party
		"github.com/google/go-cmp":            "",                                    // only in tests
	} {
		if got[path] != want {
			t.Errorf("%s: got license %q, want %q", path, got[path], want)
		}
	}

	var notices strings.Builder
	if err := WriteNotices(&notices, modules); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"  helm.sh/helm/v3 v3.", "Copyright (c) 2013 Dario Castañé", "k8s.io/client-go: third_party/forked/httpcache/LICENSE"} {
		if !strings.Contains(notices.String(), want) {
			t.Errorf("got no %q in the notices", want)
		}
	}
}

func TestLicenses(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(apache)
	if err != nil {
		t.Fatal(err)
	}
	const zeroBSD = `Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
`
	tests := []struct {
		name    string
		files   map[string]string
		want    []string
		wantErr string
	}{
		{"finds licenses and notices", map[string]string{"LICENSE": string(text), "NOTICE": "Copyright X", "README": "x", "license.go": "package x"},
			[]string{"LICENSE", "NOTICE"}, ""},
		{"refuses a module without a license", map[string]string{"NOTICE": "Copyright X", "license.go": "package x"}, nil, "no license file"},
		{"refuses an unknown license", map[string]string{"LICENSE": "Ask me before you use this."}, nil, "LICENSE: unknown license"},
		{"refuses a license that is not in the list", map[string]string{"LICENSE": string(text), "LICENSE-0BSD": zeroBSD}, nil, "LICENSE-0BSD: license 0BSD is not permitted"},
		{"refuses a license with additions", map[string]string{"LICENSE": string(text) + strings.Repeat("Do not use this for anything good, or bad. ", 300)}, nil, "LICENSE: unknown license"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for name, content := range test.files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			files, err := licenses(dir, []string{dir})
			if (err == nil) != (test.wantErr == "") || err != nil && !strings.Contains(err.Error(), test.wantErr) {
				t.Fatalf("got error %v, want %q", err, test.wantErr)
			}
			var got []string
			for _, f := range files {
				got = append(got, f.Name)
			}
			slices.Sort(got)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWriteNotices(t *testing.T) {
	t.Parallel()
	var got strings.Builder
	err := WriteNotices(&got, []Module{
		{Path: "a.example/a", Version: "v1.0.0", Licenses: []File{{Name: "LICENSE", Text: "text of MIT\r\n", IDs: []string{"MIT"}}}},
		{Path: "b.example/b", Version: "v2.0.0", Licenses: []File{{Name: "x/LICENSE", Text: "text of MIT\n", IDs: []string{"MIT"}}, {Name: "NOTICE", Text: "by B"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(got.String(), "@VERSION\".\n\n")
	rule := strings.Repeat("=", 80)
	want := "  a.example/a v1.0.0: MIT\n  b.example/b v2.0.0: MIT\n\n" +
		rule + "\na.example/a: LICENSE\nb.example/b: x/LICENSE\n\ntext of MIT\n\n" + rule + "\nb.example/b: NOTICE\n\nby B\n"
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
}
