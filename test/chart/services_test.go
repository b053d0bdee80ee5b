package chart_test

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func TestServices(t *testing.T) {
	t.Parallel()
	t.Run("roll out without unavailable pods", func(t *testing.T) {
		inEveryEnvironment(t, func(t *testing.T, s stack) {
			for _, id := range []string{"Deployment auth-service", "Deployment api-gateway"} {
				rolling := get[*appsv1.Deployment](t, s, id).Spec.Strategy.RollingUpdate
				if *rolling.MaxUnavailable != intstr.FromInt32(0) || *rolling.MaxSurge != intstr.FromInt32(1) {
					t.Errorf("%s: got maxUnavailable %v and maxSurge %v, want 0 and 1", id, rolling.MaxUnavailable, rolling.MaxSurge)
				}
			}
		})
	})

	t.Run("have the documented probes", func(t *testing.T) {
		t.Parallel()
		c := get[*appsv1.Deployment](t, render(t, "default"), "Deployment auth-service").Spec.Template.Spec.Containers[0]
		ready, live, started := c.ReadinessProbe, c.LivenessProbe, c.StartupProbe
		if ready.HTTPGet.Path != "/health" || ready.PeriodSeconds != 5 || ready.FailureThreshold != 1 {
			t.Errorf("got readiness probe %v, want /health every 5 s with failure threshold 1", ready)
		}
		if live.HTTPGet.Path != "/health/live" || live.PeriodSeconds != 10 || live.FailureThreshold != 3 {
			t.Errorf("got liveness probe %v, want /health/live every 10 s with failure threshold 3", live)
		}
		if started.HTTPGet.Path != "/health/live" {
			t.Errorf("startup probe: got path %s, want /health/live, which does not depend on the database", started.HTTPGet.Path)
		}
	})

	t.Run("are exposed according to the environment", func(t *testing.T) {
		t.Parallel()
		for environment, want := range map[string]corev1.ServiceType{
			"default": corev1.ServiceTypeClusterIP,
			"dev":     corev1.ServiceTypeNodePort,
			"ci":      corev1.ServiceTypeNodePort,
			"prod":    corev1.ServiceTypeLoadBalancer,
		} {
			s := render(t, environment)
			if got := get[*corev1.Service](t, s, "Service api-gateway").Spec.Type; got != want {
				t.Errorf("%s: api-gateway: got type %s, want %s", environment, got, want)
			}
			if got := get[*corev1.Service](t, s, "Service auth-service").Spec.Type; got != corev1.ServiceTypeClusterIP {
				t.Errorf("%s: auth-service: got type %s, want ClusterIP", environment, got)
			}
		}
		port := get[*corev1.Service](t, render(t, "dev"), "Service api-gateway").Spec.Ports[0]
		if port.Port != 4000 || port.NodePort != 30400 {
			t.Errorf("api-gateway: got port %d and node port %d, want 4000 and 30400", port.Port, port.NodePort)
		}
	})

	t.Run("target existing container ports", func(t *testing.T) {
		inEveryEnvironment(t, func(t *testing.T, s stack) {
			for id, o := range s {
				service, ok := o.(*corev1.Service)
				if !ok {
					continue
				}
				behind := workloads(s)[service.Spec.Selector["app.kubernetes.io/name"]]
				open := map[string]int32{}
				for _, c := range behind.pod.Spec.Containers {
					for _, port := range c.Ports {
						open[port.Name] = port.ContainerPort
					}
				}
				for _, port := range service.Spec.Ports {
					if open[port.TargetPort.StrVal] != port.Port || port.Name == "" {
						t.Errorf("%s: got target port %v for port %q, want one of the container ports %v", id, port.TargetPort, port.Name, open)
					}
				}
			}
		})
	})

	t.Run("are defined by values only", func(t *testing.T) {
		t.Parallel()
		const video = "services.video."
		s := render(t, "default", video+"enabled=true", video+"name=video-service", video+"replicas=2", video+"port=4002",
			video+"grpcPort=5002", video+"image.repository=tiktok-video-service", video+"image.tag=f00",
			video+"resources.requests.cpu=50m", video+"resources.requests.memory=64Mi", video+"resources.limits.memory=128Mi",
			video+"calls={postgresql,redis}", video+"secrets={DB_PASSWORD}", "services.gateway.calls={auth,redis,video}")
		for _, kind := range []string{"Deployment", "Service", "ServiceAccount", "NetworkPolicy", "PodDisruptionBudget"} {
			if s[kind+" video-service"] == nil {
				t.Errorf("%s video-service not found", kind)
			}
		}
		data := get[*corev1.ConfigMap](t, s, "ConfigMap tiktok-config").Data
		if data["VIDEO_SERVICE_ADDR"] != "video-service:5002" {
			t.Errorf("got tiktok-config %v, want VIDEO_SERVICE_ADDR video-service:5002", data)
		}
	})
}
