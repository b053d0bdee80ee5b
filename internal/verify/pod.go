package verify

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"

	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// SmokeLabel marks the smoke test's pod with the value "true": a chart's
// NetworkPolicies let it reach what is to be tested.
const SmokeLabel = "tkdeploy.dev/smoke"

const (
	releaseLabel  = "tkdeploy.dev/release"
	managedLabel  = "app.kubernetes.io/managed-by"
	containerName = "probe"
	nobody        = 65532 // the user that distroless images call nonroot
)

func randomSuffix() string { return rand.String(5) }

// labels has none of those that charts commonly select by, such as
// app.kubernetes.io/instance: no Service may take the pod for the app.
func (r *run) labels() map[string]string {
	labels := map[string]string{SmokeLabel: "true", managedLabel: "tkdeploy"}
	if r.Release != "" {
		labels[releaseLabel] = r.Release
	}
	return labels
}

// newPod is the pod that runs the checks. It passes the Pod Security level
// restricted and has no access to the API server. Its deadline ends it should
// tkdeploy be killed.
func (r *run) newPod(checks []probe.Check) (*corev1.Pod, error) {
	packed, err := probe.Pack(checks)
	if err != nil {
		return nil, err
	}
	spec := corev1.PodSpec{
		RestartPolicy:                 corev1.RestartPolicyNever,
		ActiveDeadlineSeconds:         seconds(r.StartTimeout + probe.AtMost(checks) + r.APITimeout),
		TerminationGracePeriodSeconds: new(int64),
		AutomountServiceAccountToken:  new(false),
		EnableServiceLinks:            new(false),
		DNSConfig:                     quickDNS(),
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot:   new(true),
			RunAsUser:      new(int64(nobody)),
			RunAsGroup:     new(int64(nobody)),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers: []corev1.Container{r.container(packed)},
	}
	meta := metav1.ObjectMeta{Name: "tkdeploy-smoke-" + r.Suffix(), Namespace: r.Namespace, Labels: r.labels()}
	return &corev1.Pod{ObjectMeta: meta, Spec: spec}, nil
}

func (r *run) container(packed string) corev1.Container {
	return corev1.Container{
		Name:            containerName,
		Image:           r.Image,
		Args:            r.Args,
		ImagePullPolicy: corev1.PullIfNotPresent,
		Env:             []corev1.EnvVar{{Name: probe.EnvChecks, Value: packed}},
		Resources: corev1.ResourceRequirements{
			Requests: quantities("10m", "16Mi"),
			Limits:   quantities("500m", "128Mi"),
		},
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: new(false),
			ReadOnlyRootFilesystem:   new(true),
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
	}
}

// quickDNS asks again after 1 s instead of 5 s, so that one lost packet, not
// rare in a network namespace that is a moment old, costs little.
func quickDNS() *corev1.PodDNSConfig {
	one, three := "1", "3"
	return &corev1.PodDNSConfig{Options: []corev1.PodDNSConfigOption{
		{Name: "timeout", Value: &one},
		{Name: "attempts", Value: &three},
	}}
}

func quantities(cpu, memory string) corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse(cpu),
		corev1.ResourceMemory: resource.MustParse(memory),
	}
}

func seconds(d time.Duration) *int64 {
	return new(int64(d.Round(time.Second) / time.Second))
}
