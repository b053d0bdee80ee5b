package chart

import "testing"

func TestRequests(t *testing.T) {
	t.Parallel()
	const pod = `{template: {spec: {containers: [{name: c, resources: {requests: {cpu: 100m, memory: 64Mi}}}]}}`
	for name, test := range map[string]struct {
		manifest string
		pods     int64
		cpu, mem string
	}{
		"replicas":                       {"kind: Deployment\nmetadata: {name: a}\nspec: " + pod + ", replicas: 3}", 3, "300m", "192Mi"},
		"default of one replica":         {"kind: StatefulSet\nmetadata: {name: a}\nspec: " + pod + "}", 1, "100m", "64Mi"},
		"zero replicas":                  {"kind: Deployment\nmetadata: {name: a}\nspec: " + pod + ", replicas: 0}", 0, "0", "0"},
		"DaemonSet on every node":        {"kind: DaemonSet\nmetadata: {name: a}\nspec: " + pod + "}", 2, "200m", "128Mi"},
		"minimum of an autoscaler":       {"kind: Deployment\nmetadata: {name: a}\nspec: " + pod + "}\n---\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\nspec: {minReplicas: 2, scaleTargetRef: {kind: Deployment, name: a}}", 2, "200m", "128Mi"},
		"autoscaler of another workload": {"kind: Deployment\nmetadata: {name: a}\nspec: " + pod + "}\n---\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\nspec: {minReplicas: 2, scaleTargetRef: {kind: Deployment, name: b}}", 1, "100m", "64Mi"},
		"limits as numbers replace missing requests": {
			"kind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, resources: {limits: {cpu: 2, memory: 1024}}}, {name: d}]}", 1, "2", "1024",
		},
		"larger init container, and a sidecar": {
			"kind: Pod\nmetadata: {name: a}\nspec: {initContainers: [{resources: {requests: {cpu: 500m}}}, {restartPolicy: Always, resources: {requests: {cpu: 50m, memory: 1Mi}}}], containers: [{resources: {requests: {cpu: 100m, memory: 1Mi}}}]}",
			1, "500m", "2Mi",
		},
		"init container next to an earlier sidecar": {
			"kind: Pod\nmetadata: {name: a}\nspec: {initContainers: [{restartPolicy: Always, resources: {requests: {cpu: 300m}}}, {resources: {requests: {cpu: 300m}}}], containers: [{resources: {requests: {cpu: 100m}}}]}",
			1, "600m", "0",
		},
		"pod-level requests and overhead": {
			"kind: Pod\nmetadata: {name: a}\nspec: {overhead: {cpu: 10m, memory: 2Mi}, resources: {requests: {cpu: 1}}, containers: [{resources: {requests: {cpu: 100m, memory: 1Mi}}}]}",
			1, "1010m", "3Mi",
		},
		"fraction without quotes": {
			"kind: Deployment\nmetadata: {name: a}\nspec: {replicas: 2, template: {spec: {containers: [{resources: {limits: {cpu: 0.25}}}]}}}",
			2, "500m", "0",
		},
		"object without pods": {"kind: Service\nmetadata: {name: a}\nspec: {ports: []}", 0, "0", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all, err := Objects("apiVersion: v1\n" + test.manifest)
			if err != nil {
				t.Fatal(err)
			}
			got := Rendered{Objects: all}.Requests(2)
			if got.Pods != test.pods || got.CPU.String() != test.cpu || got.Memory.String() != test.mem {
				t.Errorf("got %d pods, CPU %s, memory %s, want %d, %s, %s", got.Pods, got.CPU.String(), got.Memory.String(), test.pods, test.cpu, test.mem)
			}
		})
	}
}
