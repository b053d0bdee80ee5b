// Package missing finds the object that a pod needs and that does not exist in
// messages of the kubelet (pkg/kubelet/kubelet_pods.go and
// pkg/volume/{secret,configmap,projected}) and the scheduler of Kubernetes 1.37.
package missing

import (
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

var (
	key      = regexp.MustCompile(`couldn't find key (\S+) in (Secret|ConfigMap) \S+/(\S+)`)
	object   = regexp.MustCompile(`(secret|configmap|persistentvolumeclaim) "([^"]+)" not found`)
	item     = regexp.MustCompile(`references non-existent (?:secret|config) key: (\S+)`)
	volumeOf = regexp.MustCompile(`for volume "([^"]+)"`)
)

// OfEnvironment returns the object in a message about a container's environment:
// "Secret db", "key url of ConfigMap api", or "".
func OfEnvironment(message string) string {
	if m := key.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("key %s of %s %s", m[1], m[2], m[3])
	}
	return named(message)
}

// OfVolume returns the object in a message about a volume of the pod: "claim data",
// "key tls.crt of Secret web", or "".
func OfVolume(pod *corev1.Pod, message string) string {
	if name := named(message); name != "" {
		return name
	}
	m := item.FindStringSubmatch(message)
	if m == nil {
		return ""
	}
	volume := volumeOf.FindStringSubmatch(message)
	if volume == nil {
		return "key " + m[1]
	}
	return fmt.Sprintf("key %s of %s", m[1], source(pod, volume[1]))
}

func named(message string) string {
	m := object.FindStringSubmatch(message)
	if m == nil {
		return ""
	}
	kinds := map[string]string{"secret": "Secret", "configmap": "ConfigMap", "persistentvolumeclaim": "claim"}
	return kinds[strings.ToLower(m[1])] + " " + m[2]
}

func source(pod *corev1.Pod, volume string) string {
	for _, v := range pod.Spec.Volumes {
		switch {
		case v.Name != volume:
		case v.Secret != nil:
			return "Secret " + v.Secret.SecretName
		case v.ConfigMap != nil:
			return "ConfigMap " + v.ConfigMap.Name
		}
	}
	return "volume " + volume
}
