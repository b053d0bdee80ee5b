package chart

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/release"
)

func TestImageAt(t *testing.T) {
	t.Parallel()
	for want, value := range map[string]any{
		"web:1":              map[string]any{"repository": "web", "tag": "1"},
		"web@sha256:ab":      map[string]any{"repository": "web", "digest": "sha256:ab"},
		"web:1@sha256:ab":    map[string]any{"repository": "web", "tag": "1", "digest": "sha256:ab"},
		"r:5000/web:1":       "r:5000/web:1",
		"r:5000/w@sha256:ab": "r:5000/w@sha256:ab",
	} {
		if got := imageAt(value).String(); got != want {
			t.Errorf("%v: got %s, want %s", value, got, want)
		}
	}
}

func TestPrepared_Changes(t *testing.T) {
	t.Parallel()
	prepare := func(set ...string) *Prepared {
		d := shop()
		d.Images = map[string]ImageRef{"services.auth.image": {Repository: "shop-auth", Tag: "2"}}
		d.Set = set
		p, err := Prepare(d)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	before := prepare()
	stored := &release.Release{Chart: before.chart, Config: before.values}
	for name, tt := range map[string]struct {
		set  string
		want []string
	}{
		"names a tag that --set overrides": {"services.auth.image.tag=v3", []string{"image services.auth.image changed shop-auth:2 -> v3"}},
		"names a value":                    {"services.auth.port=1", []string{"values changed: services.auth.port"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := prepare(tt.set).Changes(stored)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}
