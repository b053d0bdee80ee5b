package chart

import "testing"

func TestRequests(t *testing.T) {
	t.Parallel()
	const pod = `{template: {spec: {containers: [{name: c, resources: {requests: {cpu: 100m, memory: 64Mi}}}]}}`
	for name, test := range map[string]struct {
		manifest string
		want     Requests
		cpu, mem string
	}{
		"replicas count":                 {"kind: Deployment\nmetadata: {name: a}\nspec: " + pod + ", replicas: 3}", Requests{Pods: 3}, "300m", "192Mi"},
		"one is the default":             {"kind: StatefulSet\nmetadata: {name: a}\nspec: " + pod + "}", Requests{Pods: 1}, "100m", "64Mi"},
		"none is none":                   {"kind: Deployment\nmetadata: {name: a}\nspec: " + pod + ", replicas: 0}", Requests{}, "0", "0"},
		"a DaemonSet is on every node":   {"kind: DaemonSet\nmetadata: {name: a}\nspec: " + pod + "}", Requests{Pods: 2}, "200m", "128Mi"},
		"an autoscaler's minimum counts": {"kind: Deployment\nmetadata: {name: a}\nspec: " + pod + "}\n---\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\nspec: {minReplicas: 2, scaleTargetRef: {kind: Deployment, name: a}}", Requests{Pods: 2}, "200m", "128Mi"},
		"an autoscaler of another":       {"kind: Deployment\nmetadata: {name: a}\nspec: " + pod + "}\n---\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\nspec: {minReplicas: 2, scaleTargetRef: {kind: Deployment, name: b}}", Requests{Pods: 1}, "100m", "64Mi"},
		"a limit stands in, and numbers are as good as text": {
			"kind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, resources: {limits: {cpu: 2, memory: 1024}}}, {name: d}]}", Requests{Pods: 1}, "2", "1024",
		},
		"an init container counts where it asks for more, a sidecar always": {
			"kind: Pod\nmetadata: {name: a}\nspec: {initContainers: [{resources: {requests: {cpu: 500m}}}, {restartPolicy: Always, resources: {requests: {cpu: 50m, memory: 1Mi}}}], containers: [{resources: {requests: {cpu: 100m, memory: 1Mi}}}]}",
			Requests{Pods: 1}, "500m", "2Mi",
		},
		"an init container runs next to the sidecars before it": {
			"kind: Pod\nmetadata: {name: a}\nspec: {initContainers: [{restartPolicy: Always, resources: {requests: {cpu: 300m}}}, {resources: {requests: {cpu: 300m}}}], containers: [{resources: {requests: {cpu: 100m}}}]}",
			Requests{Pods: 1}, "600m", "0",
		},
		"pod-level requests and the overhead of a runtime class": {
			"kind: Pod\nmetadata: {name: a}\nspec: {overhead: {cpu: 10m, memory: 2Mi}, resources: {requests: {cpu: 1}}, containers: [{resources: {requests: {cpu: 100m, memory: 1Mi}}}]}",
			Requests{Pods: 1}, "1010m", "3Mi",
		},
		"a fraction without quotes": {
			"kind: Deployment\nmetadata: {name: a}\nspec: {replicas: 2, template: {spec: {containers: [{resources: {limits: {cpu: 0.25}}}]}}}",
			Requests{Pods: 2}, "500m", "0",
		},
		"what has no pods": {"kind: Service\nmetadata: {name: a}\nspec: {ports: []}", Requests{}, "0", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all, err := Objects("apiVersion: v1\n" + test.manifest)
			if err != nil {
				t.Fatal(err)
			}
			got := Rendered{Objects: all}.Requests(2)
			if got.Pods != test.want.Pods || got.CPU.String() != test.cpu || got.Memory.String() != test.mem {
				t.Errorf("%d pods, cpu %s, memory %s", got.Pods, got.CPU.String(), got.Memory.String())
			}
		})
	}
}
