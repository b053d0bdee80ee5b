package chart_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

func TestKafka(t *testing.T) {
	t.Parallel()
	t.Run("services get the addresses of the brokers", func(t *testing.T) {
		t.Parallel()
		tests := []struct {
			where string
			stack stack
			want  string
		}{
			{"disabled", render(t, "default", "kafka.enabled=false"), ""},
			{"in the cluster", render(t, "default"), "kafka:9092"},
			{"external", render(t, "default", `kafka.brokers=a.example.com:9092\,b.example.com:9092`), "a.example.com:9092,b.example.com:9092"},
		}
		for _, test := range tests {
			config := get[*corev1.ConfigMap](t, test.stack, "ConfigMap tiktok-config").Data
			if got := config["KAFKA_BROKERS"]; got != test.want {
				t.Errorf("Kafka %s: got KAFKA_BROKERS %q, want %q", test.where, got, test.want)
			}
		}
	})

	t.Run("advertises the DNS name of the pod", func(t *testing.T) {
		t.Parallel()
		s := render(t, "dev")
		const want = "CLIENTS://kafka-0.kafka-pods.tiktok-clone.svc.cluster.local:9092"
		if got := settings(t, s)["advertised.listeners"]; got != want {
			t.Errorf("got advertised.listeners %s, want %s", got, want)
		}
		set := get[*appsv1.StatefulSet](t, s, "StatefulSet kafka")
		pods := get[*corev1.Service](t, s, "Service kafka-pods").Spec
		if set.Spec.ServiceName != "kafka-pods" || pods.ClusterIP != corev1.ClusterIPNone || !pods.PublishNotReadyAddresses {
			t.Errorf("got Service %q with %v, want kafka-pods, headless, with pods that are not ready", set.Spec.ServiceName, pods)
		}
	})

	t.Run("replication factors match the number of brokers", func(t *testing.T) {
		t.Parallel()
		s := render(t, "dev")
		brokers := *get[*appsv1.StatefulSet](t, s, "StatefulSet kafka").Spec.Replicas
		for name, value := range settings(t, s) {
			copies := strings.HasSuffix(name, "replication.factor") || strings.HasSuffix(name, "min.isr") || name == "min.insync.replicas"
			if copies && (brokers != 1 || value != "1") {
				t.Errorf("%s: got %s with %d brokers, want 1 with 1", name, value, brokers)
			}
		}
	})

	t.Run("applies the settings in the values", func(t *testing.T) {
		t.Parallel()
		s := render(t, "dev", `kafka.config.compression\.type=lz4`, "kafka.heap=300m")
		if got := settings(t, s)["compression.type"]; got != "lz4" {
			t.Errorf("compression.type: got %s, want lz4", got)
		}
		if got := kafkaEnv(t, s)["KAFKA_HEAP_OPTS"]; got != "-Xms300m -Xmx300m" {
			t.Errorf("KAFKA_HEAP_OPTS: got %s, want -Xms300m -Xmx300m", got)
		}
	})

	t.Run("cluster ID depends only on the release", func(t *testing.T) {
		t.Parallel()
		id := kafkaEnv(t, render(t, "dev"))["CLUSTER_ID"]
		if bytes, err := base64.RawURLEncoding.DecodeString(id); err != nil || len(bytes) != 16 {
			t.Errorf("cluster ID %q: got %d bytes, error %v, want 16 bytes in URL-safe base64", id, len(bytes), err)
		}
		if other := kafkaEnv(t, render(t, "default", "kafka.enabled=true"))["CLUSTER_ID"]; other != id {
			t.Errorf("got cluster ID %q in a second rendering, want %q", other, id)
		}
	})

	t.Run("only callers reach the broker", func(t *testing.T) {
		t.Parallel()
		s := render(t, "dev")
		kafka := pod("kafka")
		tests := []struct {
			flow     string
			from, to party
			port     int32
			want     bool
		}{
			{"interaction writes events", pod("interaction-service"), kafka, 9092, true},
			{"notification reads events", pod("notification-service"), kafka, 9092, true},
			{"the broker connects to itself", kafka, kafka, 9092, true},
			{"the smoke test connects to the broker", smoke, kafka, 9092, true},
			{"video does not connect to the broker", pod("video-service"), kafka, 9092, false},
			{"the gateway does not connect to the broker", pod("api-gateway"), kafka, 9092, false},
			{"no service connects to the controller", pod("interaction-service"), kafka, 9093, false},
			{"the broker does not connect to others", kafka, pod("postgres"), 5432, false},
			{"the frontend calls the gateway", pod("frontend"), pod("api-gateway"), 4000, true},
			{"the frontend does not call video", pod("frontend"), pod("video-service"), 5002, false},
			{"external clients connect to the frontend", outside, pod("frontend"), 3000, true},
			{"interaction calls video", pod("interaction-service"), pod("video-service"), 5002, true},
			{"the gateway calls notification", pod("api-gateway"), pod("notification-service"), 5004, true},
		}
		for _, test := range tests {
			if got := allowed(s, test.from, test.to, test.port); got != test.want {
				t.Errorf("%s: got allowed %t, want %t", test.flow, got, test.want)
			}
		}
	})

	t.Run("callers reach an external Kafka", func(t *testing.T) {
		t.Parallel()
		s := render(t, "dev", "kafka.enabled=false", "kafka.brokers=kafka.example.com:9092")
		if !allowed(s, pod("interaction-service"), outside, 9092) || allowed(s, pod("video-service"), outside, 9092) {
			t.Error("interaction-service cannot connect to Kafka, or video-service can")
		}
		for id, o := range s {
			if _, policy := o.(*networkingv1.NetworkPolicy); !policy && strings.Contains(id, "kafka") {
				t.Errorf("got %s, want none", id)
			}
		}
	})

	t.Run("changed settings restart only Kafka", func(t *testing.T) {
		t.Parallel()
		secrets := map[string][]byte{"DB_PASSWORD": []byte("a"), "DB_REPLICATION_PASSWORD": []byte("b"), "JWT_ACCESS_SECRET": []byte("c")}
		before := workloads(renderIn(t, secrets, "kafka.enabled=true"))
		var restarted []string
		for name, after := range workloads(renderIn(t, secrets, "kafka.enabled=true", `kafka.config.compression\.type=lz4`)) {
			if before[name].pod.Annotations["checksum/files"] != after.pod.Annotations["checksum/files"] {
				restarted = append(restarted, name)
			}
		}
		if !slices.Equal(restarted, []string{"kafka"}) {
			t.Errorf("got restarts of %q, want only kafka", restarted)
		}
	})

	// The official image declares these volumes. The engine creates a directory for each,
	// which fails within a read-only mount.
	t.Run("no read-only mount covers an image volume", func(t *testing.T) {
		t.Parallel()
		for _, m := range get[*appsv1.StatefulSet](t, render(t, "dev"), "StatefulSet kafka").Spec.Template.Spec.Containers[0].VolumeMounts {
			for _, volume := range []string{"/etc/kafka/secrets", "/mnt/shared/config", "/var/lib/kafka/data"} {
				if m.ReadOnly && strings.HasPrefix(volume+"/", strings.TrimSuffix(m.MountPath, "/")+"/") {
					t.Errorf("read-only mount %s covers the image volume %s", m.MountPath, volume)
				}
			}
		}
	})
}

// settings parses server.properties. As in Java, the last entry for a name wins.
func settings(t *testing.T, s stack) map[string]string {
	t.Helper()
	found := map[string]string{}
	for line := range strings.Lines(get[*corev1.ConfigMap](t, s, "ConfigMap kafka-files").Data["server.properties"]) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
			found[name] = value
		}
	}
	return found
}

func kafkaEnv(t *testing.T, s stack) map[string]string {
	t.Helper()
	env := map[string]string{}
	for _, v := range get[*appsv1.StatefulSet](t, s, "StatefulSet kafka").Spec.Template.Spec.Containers[0].Env {
		env[v.Name] = v.Value
	}
	return env
}
