package verify

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tkdeploy.dev/tkdeploy/internal/verify/checks"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

const (
	releaseLabel  = "tkdeploy.dev/release"
	managedLabel  = "app.kubernetes.io/managed-by"
	containerName = "probe"
	nonroot       = 65532 // the user nonroot of distroless images
)

// labels omits labels that charts commonly select: no Service must select the pod.
func (r *Runner) labels() map[string]string {
	labels := map[string]string{checks.SmokeLabel: "true", managedLabel: "tkdeploy"}
	if r.options.Release != "" {
		labels[releaseLabel] = r.options.Release
	}
	return labels
}

// newPod returns a pod that complies with Pod Security restricted and has no
// access to the API server. Its deadline ends it if tkdeploy is killed.
func (r *Runner) newPod(smokeChecks []probe.Check) (*corev1.Pod, error) {
	packed, err := probe.Pack(smokeChecks)
	if err != nil {
		return nil, err
	}
	deadline := r.options.StartTimeout + probe.MaxDuration(smokeChecks) + r.options.APITimeout
	spec := corev1.PodSpec{
		RestartPolicy:                 corev1.RestartPolicyNever,
		ActiveDeadlineSeconds:         new(int64(deadline.Round(time.Second) / time.Second)),
		TerminationGracePeriodSeconds: new(int64),
		AutomountServiceAccountToken:  new(false),
		EnableServiceLinks:            new(false),
		DNSConfig:                     dnsConfig(),
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot:   new(true),
			RunAsUser:      new(int64(nonroot)),
			RunAsGroup:     new(int64(nonroot)),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers: []corev1.Container{r.container(packed)},
	}
	meta := metav1.ObjectMeta{Name: "tkdeploy-smoke-" + r.options.Suffix(), Namespace: r.options.Namespace, Labels: r.labels()}
	return &corev1.Pod{ObjectMeta: meta, Spec: spec}, nil
}

func (r *Runner) container(packed string) corev1.Container {
	return corev1.Container{
		Name:            containerName,
		Image:           r.options.Image,
		Args:            r.options.Args,
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

// dnsConfig lowers the resolver timeout from 5 s to 1 s, because new network
// namespaces often lose packets.
func dnsConfig() *corev1.PodDNSConfig {
	timeout, attempts := "1", "3"
	return &corev1.PodDNSConfig{Options: []corev1.PodDNSConfigOption{
		{Name: "timeout", Value: &timeout},
		{Name: "attempts", Value: &attempts},
	}}
}

func quantities(cpu, memory string) corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse(cpu),
		corev1.ResourceMemory: resource.MustParse(memory),
	}
}
