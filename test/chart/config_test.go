package chart_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	t.Run("sets the addresses of services and stores", func(t *testing.T) {
		t.Parallel()
		s := render(t, "default")
		tests := map[string]map[string]string{
			"ConfigMap tiktok-config": {
				"LOG_LEVEL": "info", "REDIS_ADDR": "redis:6379", "KAFKA_BROKERS": "kafka:9092",
				"AUTH_SERVICE_ADDR": "auth-service:5001", "VIDEO_SERVICE_ADDR": "video-service:5002",
				"INTERACTION_SERVICE_ADDR": "interaction-service:5003", "NOTIFICATION_SERVICE_ADDR": "notification-service:5004",
				"API_GATEWAY_ADDR": "api-gateway:4000", "FRONTEND_ADDR": "frontend:3000",
			},
			"ConfigMap tiktok-db-config": {
				"DB_HOST": "postgres.tiktok-clone.svc.cluster.local", "DB_PORT": "5432", "DB_NAME": "tiktok_clone", "DB_USER": "tiktok",
			},
		}
		for id, want := range tests {
			if diff := cmp.Diff(want, get[*corev1.ConfigMap](t, s, id).Data); diff != "" {
				t.Errorf("%s (-want +got):\n%s", id, diff)
			}
		}
	})

	t.Run("sets only ports in the Deployment", func(t *testing.T) {
		t.Parallel()
		s := render(t, "default", "services.auth.env.TOKEN_TTL=15m")
		c := get[*appsv1.Deployment](t, s, "Deployment auth-service").Spec.Template.Spec.Containers[0]
		for _, v := range c.Env {
			literal := v.Value != ""
			if port := v.Name == "PORT" || v.Name == "GRPC_PORT"; port != literal {
				t.Errorf("%s: got %q in the Deployment, want it in a ConfigMap or the Secret", v.Name, v.Value)
			}
		}
		if got := get[*corev1.ConfigMap](t, s, "ConfigMap auth-service-env").Data["TOKEN_TTL"]; got != "15m" {
			t.Errorf("TOKEN_TTL: got %q, want 15m", got)
		}
	})

	t.Run("renders all objects that pods read", func(t *testing.T) {
		eachReference := func(spec corev1.PodSpec, visit func(id, key string)) {
			visit("ServiceAccount "+spec.ServiceAccountName, "")
			for _, v := range spec.Volumes {
				if v.ConfigMap != nil {
					visit("ConfigMap "+v.ConfigMap.Name, "")
				}
			}
			for _, c := range spec.Containers {
				for _, from := range c.EnvFrom {
					visit("ConfigMap "+from.ConfigMapRef.Name, "")
				}
				for _, v := range c.Env {
					if v.ValueFrom != nil && v.ValueFrom.SecretKeyRef != nil {
						visit("Secret "+v.ValueFrom.SecretKeyRef.Name, v.ValueFrom.SecretKeyRef.Key)
					}
				}
			}
		}
		inEveryEnvironment(t, func(t *testing.T, s stack) {
			for name, w := range pods(s) {
				eachReference(w.pod.Spec, func(id, key string) {
					if s[id] == nil {
						t.Errorf("%s reads %s, which is not rendered", name, id)
					} else if key != "" && get[*corev1.Secret](t, s, id).Data[key] == nil {
						t.Errorf("%s reads the key %s of %s, which is not rendered", name, key, id)
					}
				})
			}
		})
	})

	t.Run("a change restarts only its readers", func(t *testing.T) {
		t.Parallel()
		given := func(password, token string, set ...string) stack {
			secrets := map[string][]byte{
				"DB_PASSWORD": []byte(password), "DB_REPLICATION_PASSWORD": []byte("r"), "JWT_ACCESS_SECRET": []byte(token),
			}
			return renderIn(t, secrets, append([]string{"services.auth.env.A=a"}, set...)...)
		}
		before := workloads(given("p", "t"))
		tests := map[string]struct {
			after stack
			want  string
		}{
			"nothing":                      {given("p", "t"), ""},
			"the number of replicas":       {given("p", "t", "services.auth.replicas=4", "postgresql.replicas=3"), ""},
			"the log level":                {given("p", "t", "logLevel=debug"), "api-gateway auth-service"},
			"one service's environment":    {given("p", "t", "services.auth.env.A=b"), "auth-service"},
			"one service's image":          {given("p", "t", "services.auth.image.tag=b"), "auth-service"},
			"the database's user":          {given("p", "t", "postgresql.auth.username=u"), "auth-service postgres"},
			"the settings of PostgreSQL":   {given("p", "t", "postgresql.config.work_mem=8MB"), "postgres"},
			"the settings of Redis":        {given("p", "t", "redis.config.appendfsync=always"), "redis"},
			"the database's password":      {given("other", "t"), "auth-service postgres"},
			"the secret that signs tokens": {given("p", "other"), "api-gateway auth-service"},
		}
		for what, test := range tests {
			var restarted []string
			after := workloads(test.after)
			for _, name := range []string{"api-gateway", "auth-service", "postgres", "redis"} {
				if !reflect.DeepEqual(before[name].pod, after[name].pod) {
					restarted = append(restarted, name)
				}
			}
			if got := strings.Join(restarted, " "); got != test.want {
				t.Errorf("changing %s: got restarts of %q, want %q", what, got, test.want)
			}
		}
	})
}
