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

// workload is a Deployment, a StatefulSet or the pod of a test hook.
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

// hooks returns the pods of test hooks, without selector and replicas.
func hooks(s stack) map[string]workload {
	found := map[string]workload{}
	for _, o := range s {
		if pod, ok := o.(*corev1.Pod); ok {
			found[pod.Name] = workload{name: pod.Name, pod: corev1.PodTemplateSpec{ObjectMeta: pod.ObjectMeta, Spec: pod.Spec}}
		}
	}
	return found
}

func pods(s stack) map[string]workload {
	found := workloads(s)
	maps.Copy(found, hooks(s))
	return found
}

// eachWorkload checks every Deployment and StatefulSet of every environment,
// eachPod also the hooks.
func eachWorkload(t *testing.T, check func(*testing.T, workload)) { each(t, workloads, check) }
func eachPod(t *testing.T, check func(*testing.T, workload))      { each(t, pods, check) }

func each(t *testing.T, of func(stack) map[string]workload, check func(*testing.T, workload)) {
	inEveryEnvironment(t, func(t *testing.T, s stack) {
		all := of(s)
		if len(all) < 4 {
			t.Fatalf("got %d workloads, want at least 4", len(all))
		}
		for name, w := range all {
			t.Run(name, func(t *testing.T) { check(t, w) })
		}
	})
}

func TestPods(t *testing.T) {
	t.Parallel()
	t.Run("pass Pod Security restricted", func(t *testing.T) {
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
	})

	t.Run("have no unneeded privileges", func(t *testing.T) {
		eachPod(t, func(t *testing.T, w workload) {
			spec := w.pod.Spec
			needsToken := w.name == "metrics-server"
			if token := spec.AutomountServiceAccountToken; token == nil || *token != needsToken {
				t.Errorf("automountServiceAccountToken is not %t", needsToken)
			}
			if spec.ServiceAccountName != w.name {
				t.Errorf("got ServiceAccount %q, want %q", spec.ServiceAccountName, w.name)
			}
			if spec.EnableServiceLinks == nil || *spec.EnableServiceLinks {
				t.Error("enableServiceLinks: got true, want false")
			}
			for _, c := range spec.Containers {
				if root := c.SecurityContext.ReadOnlyRootFilesystem; root == nil || !*root {
					t.Errorf("container %s: root file system is writable", c.Name)
				}
			}
		})
	})

	// A lost packet must take less than the 5 s timeout of calls between services.
	t.Run("retry DNS lookups within the timeout of a call", func(t *testing.T) {
		eachPod(t, func(t *testing.T, w workload) {
			options := map[string]string{}
			if w.pod.Spec.DNSConfig != nil {
				for _, o := range w.pod.Spec.DNSConfig.Options {
					options[o.Name] = *o.Value
				}
			}
			if options["timeout"] != "1" || options["attempts"] != "3" {
				t.Errorf("got DNS options %v, want timeout 1 and attempts 3", options)
			}
		})
	})

	t.Run("have requests and a memory limit", func(t *testing.T) {
		eachPod(t, func(t *testing.T, w workload) {
			for _, c := range w.pod.Spec.Containers {
				cpu, memory := c.Resources.Requests.Cpu(), c.Resources.Requests.Memory()
				if cpu.IsZero() || memory.IsZero() {
					t.Errorf("container %s: got requests of cpu %s and memory %s, want both", c.Name, cpu, memory)
				}
				if limit := c.Resources.Limits.Memory(); limit.Cmp(*memory) < 0 {
					t.Errorf("container %s: got memory limit %s, want at least the request %s", c.Name, limit, memory)
				}
			}
		})
	})

	t.Run("have all three probes", func(t *testing.T) {
		eachWorkload(t, func(t *testing.T, w workload) {
			for _, c := range w.pod.Spec.Containers {
				if c.StartupProbe == nil || c.ReadinessProbe == nil || c.LivenessProbe == nil {
					t.Errorf("container %s: missing a probe", c.Name)
				}
			}
		})
	})

	t.Run("have image tags other than latest", func(t *testing.T) {
		eachPod(t, func(t *testing.T, w workload) {
			for _, c := range w.pod.Spec.Containers {
				_, tag, _ := strings.Cut(c.Image, ":")
				if tag == "" || tag == "latest" || tag == "unset" {
					t.Errorf("container %s: got image %s, want a tag other than latest", c.Name, c.Image)
				}
			}
		})
	})

	t.Run("have selectors without changing labels", func(t *testing.T) {
		eachWorkload(t, func(t *testing.T, w workload) {
			for key := range w.selector.MatchLabels {
				if key != "app.kubernetes.io/name" && key != "app.kubernetes.io/instance" {
					t.Errorf("got selector label %s, want only name and instance", key)
				}
			}
		})
	})

	t.Run("fit a two-core machine in dev", func(t *testing.T) {
		t.Parallel()
		var cpu, memory int64
		for _, w := range workloads(render(t, "dev")) {
			for _, c := range w.pod.Spec.Containers {
				cpu += c.Resources.Requests.Cpu().MilliValue() * int64(*w.replicas)
				memory += c.Resources.Limits.Memory().Value() * int64(*w.replicas)
			}
		}
		if cpu > 500 || memory > 2<<30 {
			t.Errorf("dev: got requests of %dm CPU and limits of %d MiB, want at most 500m and 2048 MiB", cpu, memory>>20)
		}
	})
}
