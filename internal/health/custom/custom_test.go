package custom

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		object  string
		verdict Verdict
		reason  string
	}{
		"ready": {"status: {conditions: [{type: Issuing, status: 'False'}, {type: Ready, status: 'True'}]}", Ready, ""},
		"not ready, with the reason": {"status: {conditions: [{type: Ready, status: 'False', reason: DoesNotExist, message: \"issuer\\n not found\"}]}",
			NotReady, "Ready is False: DoesNotExist: issuer not found"},
		"ready is unknown":                     {"status: {conditions: [{type: Ready, status: Unknown}]}", NotReady, "Ready is Unknown"},
		"ready comes before available":         {"status: {conditions: [{type: Available, status: 'True'}, {type: Ready, status: 'False'}]}", NotReady, "Ready is False"},
		"available":                            {"status: {conditions: [{type: Available, status: 'True'}, {type: Progressing, status: 'True'}]}", Ready, ""},
		"stalled":                              {"status: {conditions: [{type: Ready, status: 'True'}, {type: Stalled, status: 'True', reason: NoChart}]}", NotReady, "Stalled is True: NoChart"},
		"reconciling":                          {"status: {conditions: [{type: Ready, status: 'True'}, {type: Reconciling, status: 'True'}]}", NotReady, "Reconciling is True"},
		"generation not observed":              {"metadata: {generation: 3}\nstatus: {observedGeneration: 2, conditions: [{type: Ready, status: 'True'}]}", NotReady, "its controller has not observed the newest generation yet"},
		"generation observed":                  {"metadata: {generation: 3}\nstatus: {observedGeneration: 3, conditions: [{type: Ready, status: 'True'}]}", Ready, ""},
		"condition of an older generation":     {"metadata: {generation: 3}\nstatus: {conditions: [{type: Ready, status: 'True', observedGeneration: 2}]}", NotReady, "condition Ready is of an older generation"},
		"being deleted":                        {"metadata: {deletionTimestamp: '2026-01-01T00:00:00Z'}\nstatus: {conditions: [{type: Ready, status: 'True'}]}", NotReady, "is being deleted"},
		"no status":                            {"spec: {size: 1}", Unknown, "has no condition Ready or Available"},
		"other conditions":                     {"status: {conditions: [{type: Programmed, status: 'False'}]}", Unknown, "has no condition Ready or Available"},
		"conditions that are no list":          {"status: {conditions: {Ready: 'True'}}", Unknown, "has no condition Ready or Available"},
		"an observed generation of wrong type": {"metadata: {generation: 3}\nstatus: {observedGeneration: '2', conditions: [{type: Ready, status: 'True'}]}", Ready, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			json, err := yaml.YAMLToJSON([]byte("apiVersion: example.com/v1\nkind: Widget\n" + test.object))
			if err != nil {
				t.Fatal(err)
			}
			var o unstructured.Unstructured
			if err := o.UnmarshalJSON(json); err != nil {
				t.Fatal(err)
			}
			if verdict, reason := Judge(&o); verdict != test.verdict || reason != test.reason {
				t.Errorf("got %s, %q, want %s, %q", verdict, reason, test.verdict, test.reason)
			}
		})
	}
}
