package checks

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"tkdeploy.dev/tkdeploy/internal/golden"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

var update = flag.Bool("update", false, "update the golden files")

func manifest(t *testing.T, text string) []unstructured.Unstructured {
	t.Helper()
	var objects []unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		var object unstructured.Unstructured
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, object)
	}
}

func describe(checks []probe.Check) string {
	var text strings.Builder
	for _, c := range checks {
		fmt.Fprintf(&text, "%-28s %s", c.ID, c.URL())
		if len(c.Needs) > 0 {
			fmt.Fprintf(&text, "  needs %s", strings.Join(c.Needs, ", "))
		}
		if len(c.Headers) > 0 {
			fmt.Fprintf(&text, "  headers %v", c.Headers)
		}
		if c.Timeout > 0 {
			fmt.Fprintf(&text, "  timeout %v", c.Timeout)
		}
		text.WriteString("\n")
	}
	return text.String()
}

func TestDerive(t *testing.T) {
	t.Parallel()
	t.Run("derives the checks of a chart", func(t *testing.T) {
		t.Parallel()
		files, err := filepath.Glob("testdata/derive/*.yaml")
		if err != nil || len(files) == 0 {
			t.Fatal("no charts found", err)
		}
		for _, file := range files {
			t.Run(filepath.Base(file), func(t *testing.T) {
				t.Parallel()
				content, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				got := describe(Derive(manifest(t, string(content)), "tiktok-clone"))
				golden.Compare(t, strings.TrimSuffix(file, ".yaml")+".golden", got, *update)
			})
		}
	})

	t.Run("returns checks that the probe accepts", func(t *testing.T) {
		t.Parallel()
		content, err := os.ReadFile("testdata/derive/stack.yaml")
		if err != nil {
			t.Fatal(err)
		}
		checks := Derive(manifest(t, string(content)), "tiktok-clone")
		packed, err := probe.Pack(checks)
		if err != nil {
			t.Fatal(err)
		}
		in, err := probe.Unpack(packed)
		if err != nil {
			t.Fatal(err)
		}
		var got []probe.Check
		if err := json.NewDecoder(in).Decode(&got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(describe(checks), describe(got)); diff != "" {
			t.Errorf("checks (-want +got):\n%s", diff)
		}
		if in, err = probe.Unpack(packed); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // before any request
		if err := probe.Run(ctx, in, io.Discard); !errors.Is(err, context.Canceled) {
			t.Errorf("probe.Run: got %v, want %v", err, context.Canceled)
		}
	})
}
