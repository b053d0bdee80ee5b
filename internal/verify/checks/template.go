package checks

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

type podTemplate struct {
	workload  Workload
	namespace string
	labels    labels.Set
	spec      corev1.PodSpec
	finishes  bool // of a Job or CronJob
}

type templates []podTemplate

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
		workload := Workload{object.GetKind(), object.GetName(), mayBeZero(object)}
		finishes := workload.Kind == "Job" || workload.Kind == "CronJob"
		found = append(found, podTemplate{workload, ns, template.Labels, template.Spec, finishes})
	}
	return found
}

// mayBeZero is false for a Pod, and true for a DaemonSet, which may select no node.
func mayBeZero(object unstructured.Unstructured) bool {
	replicas, found, err := unstructured.NestedFieldNoCopy(object.Object, "spec", "replicas")
	return err == nil && object.GetKind() != "Pod" && (!found || fmt.Sprint(replicas) == "0")
}

func templateOf(object unstructured.Unstructured) (corev1.PodTemplateSpec, bool) {
	var workload struct {
		metav1.ObjectMeta `json:"metadata"`
		Spec              struct {
			Template    corev1.PodTemplateSpec  `json:"template"`
			JobTemplate batchv1.JobTemplateSpec `json:"jobTemplate"`
		} `json:"spec"`
	}
	var pod corev1.Pod
	switch object.GroupVersionKind().GroupKind().String() {
	case "Deployment.apps", "StatefulSet.apps", "DaemonSet.apps", "ReplicaSet.apps", "Job.batch":
		err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &workload)
		return workload.Spec.Template, err == nil
	case "CronJob.batch":
		err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &workload)
		return workload.Spec.JobTemplate.Spec.Template, err == nil
	case "Pod":
		err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &pod)
		return corev1.PodTemplateSpec{ObjectMeta: pod.ObjectMeta, Spec: pod.Spec}, err == nil
	default:
		return corev1.PodTemplateSpec{}, false
	}
}

// selectedBy returns the templates of the pods that serve: none of Jobs, and none for
// a Service without a selector.
func (ts templates) selectedBy(service corev1.Service) []podTemplate {
	if len(service.Spec.Selector) == 0 {
		return nil
	}
	matching := ts.matching(service.Spec.Selector, service.Namespace)
	return slices.DeleteFunc(matching, func(t podTemplate) bool { return t.finishes })
}

func (ts templates) matching(selector labels.Set, namespace string) []podTemplate {
	matches := labels.SelectorFromSet(selector)
	var selected []podTemplate
	for _, t := range ts {
		if t.namespace == namespace && matches.Matches(t.labels) {
			selected = append(selected, t)
		}
	}
	return selected
}

// serving returns regular containers and sidecars: init containers that always restart.
func serving(spec corev1.PodSpec) []corev1.Container {
	containers := append([]corev1.Container(nil), spec.Containers...)
	for _, c := range spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			containers = append(containers, c)
		}
	}
	return containers
}

// targetPort returns 0 if the port's name is unknown.
func (t podTemplate) targetPort(port corev1.ServicePort) int {
	if port.TargetPort.Type == intstr.Int {
		if port.TargetPort.IntVal == 0 {
			return int(port.Port)
		}
		return int(port.TargetPort.IntVal)
	}
	for _, c := range serving(t.spec) {
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

// health copies the pod's first probe of the port. The readiness probe comes
// first: the Service depends on it.
func (t podTemplate) health(port corev1.ServicePort, target probe.Target) (probe.Check, bool) {
	number := t.targetPort(port)
	containers := serving(t.spec)
	for _, pick := range []func(corev1.Container) *corev1.Probe{
		func(c corev1.Container) *corev1.Probe { return c.ReadinessProbe },
		func(c corev1.Container) *corev1.Probe { return c.LivenessProbe },
		func(c corev1.Container) *corev1.Probe { return c.StartupProbe },
	} {
		for _, c := range containers {
			if p := pick(c); p != nil && number > 0 && probePort(c, p) == number {
				return healthCheck(p, target), true
			}
		}
	}
	return probe.Check{}, false
}

// probePort returns 0 unless the probe sends HTTP or gRPC to the pod.
func probePort(c corev1.Container, p *corev1.Probe) int {
	switch {
	case p.GRPC != nil:
		return int(p.GRPC.Port)
	case p.HTTPGet == nil || p.HTTPGet.Host != "":
		return 0
	case p.HTTPGet.Port.Type == intstr.String:
		return portNamed(c, p.HTTPGet.Port.StrVal)
	default:
		return int(p.HTTPGet.Port.IntVal)
	}
}

func healthCheck(p *corev1.Probe, target probe.Target) probe.Check {
	check := probe.Check{Kind: probe.GRPC, Target: target}
	if timeout := time.Duration(p.TimeoutSeconds) * time.Second; timeout > probe.DefaultTimeout {
		check.Timeout = timeout
	}
	if p.GRPC != nil {
		if p.GRPC.Service != nil {
			check.Target.GRPCService = *p.GRPC.Service
		}
		return check
	}
	check.Kind = probe.HTTP
	check.Target.Path = p.HTTPGet.Path
	if p.HTTPGet.Scheme == corev1.URISchemeHTTPS {
		check.Target.Scheme = "https"
	}
	for _, h := range p.HTTPGet.HTTPHeaders {
		if check.Headers == nil {
			check.Headers = http.Header{}
		}
		check.Headers.Add(h.Name, h.Value)
	}
	return check
}
