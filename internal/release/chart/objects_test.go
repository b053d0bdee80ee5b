package chart

import "testing"

func TestObjects(t *testing.T) {
	t.Parallel()
	// Without the line break, the object would always differ from the live one.
	t.Run("keeps the last line break of a block", func(t *testing.T) {
		t.Parallel()
		all, err := Objects(`---
# Source: shop/templates/config.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data:
  a.conf: |
    last line
---
# Source: shop/templates/empty.yaml
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
data:
  b.conf: |
    last line
`)
		if err != nil || len(all) != 2 {
			t.Fatalf("got %d objects, %v, want 2", len(all), err)
		}
		for i, key := range []string{"a.conf", "b.conf"} {
			if got := Lookup(all[i].Object, []string{"data", key}); got != "last line\n" {
				t.Errorf("%s: got %q, want %q", key, got, "last line\n")
			}
		}
	})
}
