package chart

import "testing"

func TestObjects(t *testing.T) {
	t.Parallel()
	// A document that ends in a block of text had lost its last line break, and
	// looked as if it had drifted for ever.
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
			t.Fatalf("got %d objects, %v", len(all), err)
		}
		for i, key := range []string{"a.conf", "b.conf"} {
			if got := Lookup(all[i].Object, []string{"data", key}); got != "last line\n" {
				t.Errorf("%s is %q", key, got)
			}
		}
	})
}
