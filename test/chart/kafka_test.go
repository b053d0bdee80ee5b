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

func TestServicesAreToldWhereKafkaIs(t *testing.T) {
	t.Parallel()
	tests := []struct {
		where string
		stack stack
		want  string
	}{
		{"nowhere", render(t, "default", "kafka.enabled=false"), ""},
		{"in the cluster", render(t, "default"), "kafka:9092"},
		{"elsewhere", render(t, "default", `kafka.brokers=a.example.com:9092\,b.example.com:9092`), "a.example.com:9092,b.example.com:9092"},
	}
	for _, test := range tests {
		config := get[*corev1.ConfigMap](t, test.stack, "ConfigMap tiktok-config").Data
		if got := config["KAFKA_BROKERS"]; got != test.want {
			t.Errorf("Kafka %s: KAFKA_BROKERS is %q, want %q", test.where, got, test.want)
		}
	}
}

// settings of server.properties: as in Java, the last of a name wins.
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

func TestKafkaIsAdvertisedByANameThatItsPodHas(t *testing.T) {
	t.Parallel()
	s := render(t, "dev")
	const want = "CLIENTS://kafka-0.kafka-pods.tiktok-clone.svc.cluster.local:9092"
	if got := settings(t, s)["advertised.listeners"]; got != want {
		t.Errorf("advertised as %s, want %s", got, want)
	}
	set := get[*appsv1.StatefulSet](t, s, "StatefulSet kafka")
	pods := get[*corev1.Service](t, s, "Service kafka-pods").Spec
	if set.Spec.ServiceName != "kafka-pods" || pods.ClusterIP != corev1.ClusterIPNone || !pods.PublishNotReadyAddresses {
		t.Errorf("Service %q of the pods is %v: the name must lead to the pod, ready or not", set.Spec.ServiceName, pods)
	}
}

func TestNoTopicOfKafkaWantsMoreCopiesThanThereAreBrokers(t *testing.T) {
	t.Parallel()
	s := render(t, "dev")
	brokers := *get[*appsv1.StatefulSet](t, s, "StatefulSet kafka").Spec.Replicas
	for name, value := range settings(t, s) {
		copies := strings.HasSuffix(name, "replication.factor") || strings.HasSuffix(name, "min.isr") || name == "min.insync.replicas"
		if copies && (brokers != 1 || value != "1") {
			t.Errorf("%s is %s with %d brokers", name, value, brokers)
		}
	}
}

func TestKafkasSettingsAreThoseOfTheValues(t *testing.T) {
	t.Parallel()
	s := render(t, "dev", `kafka.config.compression\.type=lz4`, "kafka.heap=300m")
	if got := settings(t, s)["compression.type"]; got != "lz4" {
		t.Errorf("compression.type is %s, want lz4", got)
	}
	if got := kafkaEnv(t, s)["KAFKA_HEAP_OPTS"]; got != "-Xms300m -Xmx300m" {
		t.Errorf("KAFKA_HEAP_OPTS is %s", got)
	}
}

func TestKafkasClusterIDIsTheSameAtEveryRendering(t *testing.T) {
	t.Parallel()
	id := kafkaEnv(t, render(t, "dev"))["CLUSTER_ID"]
	if bytes, err := base64.RawURLEncoding.DecodeString(id); err != nil || len(bytes) != 16 {
		t.Errorf("%q is not 16 bytes in URL-safe base64: %d, %v", id, len(bytes), err)
	}
	if other := kafkaEnv(t, render(t, "default", "kafka.enabled=true"))["CLUSTER_ID"]; other != id {
		t.Errorf("%q in one rendering and %q in another", id, other)
	}
}

func kafkaEnv(t *testing.T, s stack) map[string]string {
	t.Helper()
	env := map[string]string{}
	for _, v := range get[*appsv1.StatefulSet](t, s, "StatefulSet kafka").Spec.Template.Spec.Containers[0].Env {
		env[v.Name] = v.Value
	}
	return env
}

func TestOnlyWhoCallsKafkaReachesIt(t *testing.T) {
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
		{"the broker calls itself", kafka, kafka, 9092, true},
		{"the smoke test reaches the broker", smoke, kafka, 9092, true},
		{"video does not reach the broker", pod("video-service"), kafka, 9092, false},
		{"the gateway does not reach the broker", pod("api-gateway"), kafka, 9092, false},
		{"nobody reaches the controller", pod("interaction-service"), kafka, 9093, false},
		{"the broker calls nobody", kafka, pod("postgres"), 5432, false},
		{"the page asks the gateway", pod("frontend"), pod("api-gateway"), 4000, true},
		{"the page does not ask video", pod("frontend"), pod("video-service"), 5002, false},
		{"people reach the page", outside, pod("frontend"), 3000, true},
		{"interaction asks video", pod("interaction-service"), pod("video-service"), 5002, true},
		{"the gateway calls notification", pod("api-gateway"), pod("notification-service"), 5004, true},
	}
	for _, test := range tests {
		if got := allowed(s, test.from, test.to, test.port); got != test.want {
			t.Errorf("%s: allowed is %t", test.flow, got)
		}
	}
}

func TestAKafkaElsewhereIsReached(t *testing.T) {
	t.Parallel()
	s := render(t, "dev", "kafka.enabled=false", "kafka.brokers=kafka.example.com:9092")
	if !allowed(s, pod("interaction-service"), outside, 9092) || allowed(s, pod("video-service"), outside, 9092) {
		t.Error("who calls Kafka does not reach it, or who does not call it does")
	}
	for id, o := range s {
		if _, policy := o.(*networkingv1.NetworkPolicy); !policy && strings.Contains(id, "kafka") {
			t.Errorf("%s is still there", id)
		}
	}
}

func TestAChangeOfKafkasSettingsRestartsKafkaAlone(t *testing.T) {
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
		t.Errorf("it restarts %q", restarted)
	}
}

// The official image declares these as volumes: the engine makes a folder for
// each, which fails below a mount that is read-only.
func TestNothingReadOnlyIsMountedWhereKafkasImageHasVolumes(t *testing.T) {
	t.Parallel()
	for _, m := range get[*appsv1.StatefulSet](t, render(t, "dev"), "StatefulSet kafka").Spec.Template.Spec.Containers[0].VolumeMounts {
		for _, volume := range []string{"/etc/kafka/secrets", "/mnt/shared/config", "/var/lib/kafka/data"} {
			if m.ReadOnly && strings.HasPrefix(volume+"/", strings.TrimSuffix(m.MountPath, "/")+"/") {
				t.Errorf("%s is read-only and holds the image's %s", m.MountPath, volume)
			}
		}
	}
}
