package verify

import (
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// A podTemplate is a pod that some workload of the release makes.
type podTemplate struct {
	namespace string
	labels    labels.Set
	spec      corev1.PodSpec
}

type templates []podTemplate

// podTemplates collects the templates of every workload that keeps pods
// running, and pods that stand alone.
func podTemplates(objects []unstructured.Unstructured, namespace string) templates {
	var found templates
	for _, object := range objects {
		template, ok := templateOf(object)
		if !ok {
			continue
		}
		ns := object.GetNamespace()
		if ns == "" {
			ns = namespace
		}
		found = append(found, podTemplate{ns, template.Labels, template.Spec})
	}
	return found
}

func templateOf(object unstructured.Unstructured) (corev1.PodTemplateSpec, bool) {
	var workload struct {
		metav1.ObjectMeta `json:"metadata"`
		Spec              struct {
			Template corev1.PodTemplateSpec `json:"template"`
		} `json:"spec"`
	}
	var pod corev1.Pod
	switch object.GroupVersionKind().GroupKind().String() {
	case "Deployment.apps", "StatefulSet.apps", "DaemonSet.apps", "ReplicaSet.apps":
		err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &workload)
		return workload.Spec.Template, err == nil
	case "Pod":
		err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &pod)
		return corev1.PodTemplateSpec{ObjectMeta: pod.ObjectMeta, Spec: pod.Spec}, err == nil
	default:
		return corev1.PodTemplateSpec{}, false
	}
}

// behind gives the templates whose pods the Service selects. A Service without
// selector has none: its endpoints are made by someone else.
func (ts templates) behind(service corev1.Service, namespace string) []podTemplate {
	if len(service.Spec.Selector) == 0 {
		return nil
	}
	if service.Namespace != "" {
		namespace = service.Namespace
	}
	selector := labels.SelectorFromSet(service.Spec.Selector)
	var selected []podTemplate
	for _, t := range ts {
		if t.namespace == namespace && selector.Matches(t.labels) {
			selected = append(selected, t)
		}
	}
	return selected
}

// serving are the containers that run for the pod's whole life: the regular
// ones, and init containers that are sidecars by their restart policy.
func (t podTemplate) serving() []corev1.Container {
	running := append([]corev1.Container(nil), t.spec.Containers...)
	for _, c := range t.spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			running = append(running, c)
		}
	}
	return running
}

// targetPort is the number of the container port that the Service's port leads
// to, or 0 if it is named and no container has that name.
func (t podTemplate) targetPort(port corev1.ServicePort) int {
	if port.TargetPort.Type == intstr.Int {
		if port.TargetPort.IntVal == 0 {
			return int(port.Port)
		}
		return int(port.TargetPort.IntVal)
	}
	for _, c := range t.serving() {
		if number := portNamed(c, port.TargetPort.StrVal); number > 0 {
			return number
		}
	}
	return 0
}

func portNamed(c corev1.Container, name string) int {
	for _, p := range c.Ports {
		if p.Name == name && (p.Protocol == "" || p.Protocol == corev1.ProtocolTCP) {
			return int(p.ContainerPort)
		}
	}
	return 0
}

// health turns the first probe on the container port behind port into a check
// of target. Readiness comes first: it is what the Service itself goes by.
func (t podTemplate) health(port corev1.ServicePort, target probe.Target) (probe.Check, bool) {
	behind := t.targetPort(port)
	containers := t.serving()
	for _, pick := range []func(corev1.Container) *corev1.Probe{
		func(c corev1.Container) *corev1.Probe { return c.ReadinessProbe },
		func(c corev1.Container) *corev1.Probe { return c.LivenessProbe },
		func(c corev1.Container) *corev1.Probe { return c.StartupProbe },
	} {
		for _, c := range containers {
			if asks := pick(c); asks != nil && behind > 0 && probePort(c, asks) == behind {
				return healthCheck(asks, target), true
			}
		}
	}
	return probe.Check{}, false
}

// probePort is the number of the port that an HTTP or gRPC probe asks, or 0:
// for a probe of another kind, or of another host than the pod.
func probePort(c corev1.Container, asks *corev1.Probe) int {
	switch {
	case asks.GRPC != nil:
		return int(asks.GRPC.Port)
	case asks.HTTPGet == nil || asks.HTTPGet.Host != "":
		return 0
	case asks.HTTPGet.Port.Type == intstr.String:
		return portNamed(c, asks.HTTPGet.Port.StrVal)
	default:
		return int(asks.HTTPGet.Port.IntVal)
	}
}

func healthCheck(asks *corev1.Probe, target probe.Target) probe.Check {
	check := probe.Check{Kind: probe.GRPC, Target: target}
	if own := time.Duration(asks.TimeoutSeconds) * time.Second; own > probe.AnswerTimeout {
		check.Timeout = own
	}
	if asks.GRPC != nil {
		if asks.GRPC.Service != nil {
			check.Target.GRPCService = *asks.GRPC.Service
		}
		return check
	}
	check.Kind = probe.HTTP
	check.Target.Path = asks.HTTPGet.Path
	if asks.HTTPGet.Scheme == corev1.URISchemeHTTPS {
		check.Target.Scheme = "https"
	}
	for _, h := range asks.HTTPGet.HTTPHeaders {
		if check.Headers == nil {
			check.Headers = http.Header{}
		}
		check.Headers.Add(h.Name, h.Value)
	}
	return check
}
