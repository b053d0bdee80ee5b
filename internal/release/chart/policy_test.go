package chart

import (
	"errors"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/internal/releasetest"
)

func TestCheck_Policies(t *testing.T) {
	t.Parallel()
	check := func(t *testing.T, policy string, objectChecks ...func(unstructured.Unstructured) error) error {
		t.Helper()
		pod := "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: 'web:000', imagePullPolicy: " + policy + "}]}\n"
		dir := releasetest.WriteFiles(t, map[string]string{"Chart.yaml": chartYAML, "templates/p.yaml": pod})
		_, err := Check(Desired{Name: "r", Namespace: "n", Chart: dir, Local: []string{"web:000"}}, objectChecks...)
		return err
	}
	t.Run("rejects policy Always for a built image", func(t *testing.T) {
		t.Parallel()
		err := check(t, "Always")
		const want = "Pod p: container c: imagePullPolicy Always: the node would pull image web, which is only loaded into it"
		if err == nil || err.Error() != want || fault.ClassOf(err) != fault.Config {
			t.Errorf("got %v, want %q", err, want)
		}
	})
	t.Run("accepts policy IfNotPresent", func(t *testing.T) {
		t.Parallel()
		if err := check(t, "IfNotPresent"); err != nil {
			t.Error(err)
		}
	})
	t.Run("names the object that a check rejects", func(t *testing.T) {
		t.Parallel()
		err := check(t, "Never", func(unstructured.Unstructured) error { return errors.New("no owner") })
		if err == nil || !strings.Contains(err.Error(), "Pod p: no owner") || fault.ClassOf(err) != fault.Config {
			t.Errorf("got %v, want a configuration error that names the pod", err)
		}
	})
}
