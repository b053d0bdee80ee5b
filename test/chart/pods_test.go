package chart_test

import (
	"maps"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// A workload is what makes pods, seen as the same whatever its kind.
type workload struct {
	name     string
	replicas *int32
	selector *metav1.LabelSelector
	pod      corev1.PodTemplateSpec
}

func workloads(s stack) map[string]workload {
	found := map[string]workload{}
	for _, o := range s {
		switch o := o.(type) {
		case *appsv1.Deployment:
			found[o.Name] = workload{o.Name, o.Spec.Replicas, o.Spec.Selector, o.Spec.Template}
		case *appsv1.StatefulSet:
			found[o.Name] = workload{o.Name, o.Spec.Replicas, o.Spec.Selector, o.Spec.Template}
		}
	}
	return found
}

// hooks are the pods that Helm runs by itself, seen as workloads without a
// selector and a number of replicas.
func hooks(s stack) map[string]workload {
	found := map[string]workload{}
	for _, o := range s {
		if pod, ok := o.(*corev1.Pod); ok {
			found[pod.Name] = workload{name: pod.Name, pod: corev1.PodTemplateSpec{ObjectMeta: pod.ObjectMeta, Spec: pod.Spec}}
		}
	}
	return found
}

// pods are those of the workloads and of the hooks.
func pods(s stack) map[string]workload {
	found := workloads(s)
	maps.Copy(found, hooks(s))
	return found
}

// eachWorkload is for what runs on, eachPod for that and the hooks.
func eachWorkload(t *testing.T, check func(*testing.T, workload)) { each(t, workloads, check) }
func eachPod(t *testing.T, check func(*testing.T, workload))      { each(t, pods, check) }

func each(t *testing.T, of func(stack) map[string]workload, check func(*testing.T, workload)) {
	inEveryEnvironment(t, func(t *testing.T, s stack) {
		all := of(s)
		if len(all) < 4 {
			t.Fatalf("%d workloads, want the two services and the two stores at least", len(all))
		}
		for name, w := range all {
			t.Run(name, func(t *testing.T) { check(t, w) })
		}
	})
}

func TestEveryPodPassesPodSecurityRestricted(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	eachPod(t, func(t *testing.T, w workload) {
		results := evaluator.EvaluatePod(restricted, &w.pod.ObjectMeta, &w.pod.Spec)
		if result := policy.AggregateCheckResults(results); !result.Allowed {
			t.Error(result.ForbiddenDetail())
		}
	})
}

func TestEveryPodGivesNothingAwayThatItDoesNotNeed(t *testing.T) {
	eachPod(t, func(t *testing.T, w workload) {
		spec := w.pod.Spec
		asksTheCluster := w.name == "metrics-server"
		if token := spec.AutomountServiceAccountToken; token == nil || *token != asksTheCluster {
			t.Errorf("whether it gets a token of its ServiceAccount is not %t", asksTheCluster)
		}
		if spec.ServiceAccountName != w.name {
			t.Errorf("ServiceAccount %q, want one of its own", spec.ServiceAccountName)
		}
		if spec.EnableServiceLinks == nil || *spec.EnableServiceLinks {
			t.Error("it gets the addresses of all Services as environment")
		}
		for _, c := range spec.Containers {
			if root := c.SecurityContext.ReadOnlyRootFilesystem; root == nil || !*root {
				t.Errorf("container %s may write to its image", c.Name)
			}
		}
	})
}

// A lost packet must cost less than the 5 s that a call between services may take.
func TestEveryPodAsksForANameAgainBeforeItsCallIsLate(t *testing.T) {
	eachPod(t, func(t *testing.T, w workload) {
		options := map[string]string{}
		if w.pod.Spec.DNSConfig != nil {
			for _, o := range w.pod.Spec.DNSConfig.Options {
				options[o.Name] = *o.Value
			}
		}
		if options["timeout"] != "1" || options["attempts"] != "3" {
			t.Errorf("DNS options %v", options)
		}
	})
}

func TestEveryContainerHasRequestsAndAMemoryLimit(t *testing.T) {
	eachPod(t, func(t *testing.T, w workload) {
		for _, c := range w.pod.Spec.Containers {
			cpu, memory := c.Resources.Requests.Cpu(), c.Resources.Requests.Memory()
			if cpu.IsZero() || memory.IsZero() {
				t.Errorf("container %s requests cpu %s and memory %s, want both", c.Name, cpu, memory)
			}
			if limit := c.Resources.Limits.Memory(); limit.Cmp(*memory) < 0 {
				t.Errorf("container %s has the memory limit %s under its request %s", c.Name, limit, memory)
			}
		}
	})
}

func TestEveryContainerHasAllThreeProbes(t *testing.T) {
	eachWorkload(t, func(t *testing.T, w workload) {
		for _, c := range w.pod.Spec.Containers {
			if c.StartupProbe == nil || c.ReadinessProbe == nil || c.LivenessProbe == nil {
				t.Errorf("container %s lacks a probe", c.Name)
			}
		}
	})
}

func TestEveryImageHasATagOtherThanLatest(t *testing.T) {
	eachPod(t, func(t *testing.T, w workload) {
		for _, c := range w.pod.Spec.Containers {
			_, tag, _ := strings.Cut(c.Image, ":")
			if tag == "" || tag == "latest" || tag == "unset" {
				t.Errorf("container %s runs %s", c.Name, c.Image)
			}
		}
	})
}

func TestNothingThatChangesIsPartOfASelector(t *testing.T) {
	eachWorkload(t, func(t *testing.T, w workload) {
		for key := range w.selector.MatchLabels {
			if key != "app.kubernetes.io/name" && key != "app.kubernetes.io/instance" {
				t.Errorf("the selector has %s", key)
			}
		}
	})
}

func TestATwoCoreMachineHasRoomForDev(t *testing.T) {
	t.Parallel()
	var cpu, memory int64
	for _, w := range workloads(render(t, "dev")) {
		for _, c := range w.pod.Spec.Containers {
			cpu += c.Resources.Requests.Cpu().MilliValue() * int64(*w.replicas)
			memory += c.Resources.Limits.Memory().Value() * int64(*w.replicas)
		}
	}
	if cpu > 500 || memory > 2<<30 {
		t.Errorf("dev requests %d m CPU and may use %d MiB, want at most 500 and 2048", cpu, memory>>20)
	}
}
