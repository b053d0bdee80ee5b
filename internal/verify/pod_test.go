package verify

import (
	"encoding/json"
	"flag"
	"strings"
	"testing"

	psaapi "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"tkdeploy.dev/tkdeploy/internal/golden"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

var update = flag.Bool("update", false, "update the golden files")

func TestRunner_newPod(t *testing.T) {
	t.Parallel()
	t.Run("matches the golden file", func(t *testing.T) {
		t.Parallel()
		pod, err := New(optionsFor(nil)).newPod(threeChecks)
		if err != nil {
			t.Fatal(err)
		}
		packed, err := probe.Pack(threeChecks)
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.MarshalIndent(pod, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(string(got), packed, "<checks>", 1) + "\n"
		golden.Compare(t, "testdata/pod.golden.json", text, *update)
	})

	// Row 54 of the fault list.
	t.Run("complies with Pod Security restricted", func(t *testing.T) {
		t.Parallel()
		pod, err := New(optionsFor(nil)).newPod(threeChecks)
		if err != nil {
			t.Fatal(err)
		}
		evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
		if err != nil {
			t.Fatal(err)
		}
		level := psaapi.LevelVersion{Level: psaapi.LevelRestricted, Version: psaapi.LatestVersion()}
		for _, result := range evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec) {
			if !result.Allowed {
				t.Errorf("got forbidden, %s: %s, want allowed", result.ForbiddenReason, result.ForbiddenDetail)
			}
		}
	})
}
