package smoke

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/config"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/verify"
	"tkdeploy.dev/tkdeploy/internal/verify/hooks"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

func TestFitting(t *testing.T) {
	t.Parallel()
	web := unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"name": "web"}}}
	checks := []config.Check{
		{Name: "front", URL: "http://web/"}, {Name: "full", URL: "http://web.shop.svc.cluster.local/"},
		{Name: "cart", URL: "http://cart.shop:8080/"}, {Name: "outside", URL: "https://example.com/"},
	}
	fitting, warnings := Fitting(checks, []unstructured.Unstructured{web}, "shop")
	var names []string
	for _, c := range fitting {
		names = append(names, c.Name)
	}
	if diff := cmp.Diff([]string{"front", "full", "outside"}, names); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"skipped check cart, because there is no Service cart"}, warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestOnlyConfigured(t *testing.T) {
	t.Parallel()
	failed := func(ids ...string) *verify.Failure {
		f := &verify.Failure{}
		for _, id := range ids {
			f.Failed = append(f.Failed, probe.Result{ID: id})
		}
		return f
	}
	withHook := failed("front")
	withHook.Hooks = []hooks.Failure{{}}
	for name, test := range map[string]struct {
		err  error
		want []string
	}{
		"a configured check":             {fault.New(fault.Smoke, failed("front"), ""), []string{"front"}},
		"a configured and a derived one": {fault.New(fault.Smoke, failed("front", "web/tcp-80"), ""), nil},
		"a test hook too":                {fault.New(fault.Smoke, withHook, ""), nil},
		"no pod":                         {fault.New(fault.Smoke, errors.New("cannot start"), ""), nil},
		"success":                        {nil, nil},
	} {
		if diff := cmp.Diff(test.want, OnlyConfigured(test.err, []config.Check{{Name: "front"}})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
