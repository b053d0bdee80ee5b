package values

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestImage_valueFor(t *testing.T) {
	t.Parallel()
	hex := strings.Repeat("ab", 32)
	tag, both, digest := Image{"r:5000/web", "1"}, Image{"r:5000/web", "1@sha256:" + hex}, Image{"r:5000/web@sha256", hex}
	plain, pinned := map[string]any{"repository": "x", "tag": ""}, map[string]any{"repository": "x", "tag": "0", "digest": "sha256:old"}
	for _, test := range []struct {
		ref       Image
		own, want any
	}{
		{tag, nil, map[string]any{"repository": "r:5000/web", "tag": "1"}},
		{tag, "x:0", "r:5000/web:1"},
		{both, "x:0", "r:5000/web:1@sha256:" + hex},
		{digest, "x:0", "r:5000/web@sha256:" + hex},
		{both, plain, map[string]any{"repository": "r:5000/web", "tag": "1@sha256:" + hex}},
		{digest, plain, map[string]any{"repository": "r:5000/web@sha256", "tag": hex}},
		{tag, pinned, map[string]any{"repository": "r:5000/web", "tag": "1", "digest": ""}},
		{both, pinned, map[string]any{"repository": "r:5000/web", "tag": "1", "digest": "sha256:" + hex}},
		{digest, pinned, map[string]any{"repository": "r:5000/web", "digest": "sha256:" + hex}},
	} {
		if diff := cmp.Diff(test.want, test.ref.valueFor(test.own)); diff != "" {
			t.Errorf("%s for %v differs (-want +got):\n%s", test.ref, test.own, diff)
		}
	}
}
