package missing

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestOfEnvironment(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		`couldn't find key url in ConfigMap shop/api`: "key url of ConfigMap api",
		`secret "db" not found`:                       "Secret db",
		`configmap "api" not found`:                   "ConfigMap api",
		`failed to sync secret cache`:                 "",
	} {
		if got := OfEnvironment(message); got != want {
			t.Errorf("%s: got %q, want %q", message, got, want)
		}
	}
}

func TestOfVolume(t *testing.T) {
	t.Parallel()
	pod := &corev1.Pod{}
	pod.Spec.Volumes = []corev1.Volume{{Name: "tls", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "web"}}}}
	for message, want := range map[string]string{
		`MountVolume.SetUp failed for volume "tls" : references non-existent secret key: tls.crt`: "key tls.crt of Secret web",
		`MountVolume.SetUp failed for volume "x" : references non-existent config key: a`:         "key a of volume x",
		`persistentvolumeclaim "data" not found`:                                                  "claim data",
		`MountVolume.SetUp failed for volume "tls" : timed out`:                                   "",
	} {
		if got := OfVolume(pod, message); got != want {
			t.Errorf("%s: got %q, want %q", message, got, want)
		}
	}
}
