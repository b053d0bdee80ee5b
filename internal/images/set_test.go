package images

import (
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

func TestSet_check(t *testing.T) {
	t.Parallel()
	for ref, ok := range map[string]bool{
		"postgres:17": true, "postgres": false, "postgres:latest": false, "UPPER:1": false,
		"postgres@sha256:" + strings.Repeat("a", 64): true,
	} {
		err := Set{Sources: []Source{{Name: "x", Ref: ref}}}.check()
		if (err == nil) != ok || err != nil && fault.ClassOf(err) != fault.Config {
			t.Errorf("%s: got %v of class %q, want valid %t", ref, err, fault.ClassOf(err), ok)
		}
	}
	b := inputs.Build{Name: "b", Secrets: map[string]inputs.Secret{"s": {}}, Bases: map[string]string{"A": "x:latest"}}
	err := Set{Builds: []inputs.Build{b}}.check()
	if err == nil || !strings.Contains(err.Error(), "secret s needs") || !strings.Contains(err.Error(), "base A") {
		t.Errorf("got %v, want all problems", err)
	}
}
