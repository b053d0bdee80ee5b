package chart_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	policyv1 "k8s.io/api/policy/v1"
)

var services = []string{"api-gateway", "auth-service", "frontend", "interaction-service", "notification-service", "video-service"}

// autoscaled marks a Deployment without replicas.
const autoscaled = -1

func TestStack(t *testing.T) {
	t.Parallel()
	t.Run("sets the replicas of each environment", func(t *testing.T) {
		t.Parallel()
		tests := map[string]map[string]int32{
			"default": replicas(2, map[string]int32{"postgres": 1}),
			"dev":     replicas(1, map[string]int32{"postgres": 1, "metrics-server": 1}),
			"ci":      replicas(1, map[string]int32{"postgres": 1, "metrics-server": 1}),
			"prod":    replicas(3, map[string]int32{"auth-service": autoscaled, "postgres": 3}),
		}
		for environment, want := range tests {
			t.Run(environment, func(t *testing.T) {
				t.Parallel()
				got := map[string]int32{}
				for name, w := range workloads(render(t, environment)) {
					got[name] = autoscaled
					if w.replicas != nil {
						got[name] = *w.replicas
					}
				}
				if !maps.Equal(got, want) {
					t.Errorf("got replicas %v, want %v", got, want)
				}
			})
		}
	})

	t.Run("scales auth-service from two to five pods", func(t *testing.T) {
		t.Parallel()
		s := render(t, "prod")
		spec := get[*autoscalingv2.HorizontalPodAutoscaler](t, s, "HorizontalPodAutoscaler auth-service").Spec
		if *spec.MinReplicas != 2 || spec.MaxReplicas != 5 {
			t.Errorf("got %d to %d pods, want 2 to 5", *spec.MinReplicas, spec.MaxReplicas)
		}
		if cpu := *spec.Metrics[0].Resource.Target.AverageUtilization; cpu != 70 {
			t.Errorf("got CPU target %d %%, want 70 %%", cpu)
		}
		if window := *spec.Behavior.ScaleDown.StabilizationWindowSeconds; window != 180 {
			t.Errorf("got scale-down window %d s, want 180 s", window)
		}
		if spec.ScaleTargetRef.Name != "auth-service" || spec.ScaleTargetRef.Kind != "Deployment" {
			t.Errorf("got scale target %v, want Deployment auth-service", spec.ScaleTargetRef)
		}
	})

	t.Run("creates disruption budgets for multiple pods", func(t *testing.T) {
		t.Parallel()
		tests := map[string][]string{
			"default": services,
			"dev":     nil,
			"prod":    {"api-gateway", "auth-service", "frontend", "interaction-service", "notification-service", "postgres", "video-service"},
		}
		for environment, want := range tests {
			var got []string
			for _, o := range render(t, environment) {
				if budget, ok := o.(*policyv1.PodDisruptionBudget); ok {
					got = append(got, budget.Name)
				}
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("%s: got disruption budgets for %q, want %q", environment, got, want)
			}
		}
	})

	t.Run("an external database changes nothing else", func(t *testing.T) {
		t.Parallel()
		secrets := map[string][]byte{"DB_PASSWORD": []byte("a"), "DB_REPLICATION_PASSWORD": []byte("b"), "JWT_ACCESS_SECRET": []byte("c")}
		with, without := renderIn(t, secrets), renderIn(t, secrets, "postgresql.enabled=false")
		callers := []string{
			"NetworkPolicy auth-service", "NetworkPolicy video-service",
			"NetworkPolicy interaction-service", "NetworkPolicy notification-service",
		}
		for id, o := range with {
			switch {
			case o.GetLabels()["app.kubernetes.io/component"] == "database":
				if without[id] != nil {
					t.Errorf("got %s, want none", id)
				}
			case slices.Contains(callers, id): // another database address
			case !reflect.DeepEqual(o, without[id]):
				t.Errorf("%s changed", id)
			}
		}
	})

	t.Run("creates objects only in its namespace", func(t *testing.T) {
		inEveryEnvironment(t, func(t *testing.T, s stack) {
			for id, o := range s {
				elsewhere := o.GetNamespace() != "" && id != "RoleBinding metrics-server-auth-reader"
				if strings.HasPrefix(id, "Namespace ") || elsewhere {
					t.Errorf("%s: got a namespace, want only objects in the release namespace", id)
				}
			}
		})
	})
}

// replicas returns n for each service and 1 for Redis and Kafka. special overrides them.
func replicas(n int32, special map[string]int32) map[string]int32 {
	want := map[string]int32{"redis": 1, "kafka": 1}
	for _, service := range services {
		want[service] = n
	}
	maps.Copy(want, special)
	return want
}
