package checks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// Backend describes the pods behind a rendered Service.
type Backend struct {
	Service   string // as in [probe.Check]
	Namespace string
	Name      string
	Headless  bool
	Selector  labels.Set
	Workloads []Workload // rendered workloads whose pods the Service selects

	// NotPromised is why the chart does not guarantee that the Service has a pod,
	// or "" if it does.
	NotPromised string
}

// Workload is a rendered workload in the namespace of its Service.
type Workload struct {
	Kind, Name string

	// MayBeZero is set if the chart scales it to zero or sets no number of pods.
	MayBeZero bool
}

// String returns "Deployment web".
func (w Workload) String() string { return w.Kind + " " + w.Name }

// podName is a label that a StatefulSet sets on each pod. A Service that selects one pod
// by it has that pod.
const podName = "statefulset.kubernetes.io/pod-name"

// Backends returns a Backend for each Service among the rendered objects, except aliases
// for names in the cluster. Objects without a namespace are in namespace.
func Backends(objects []unstructured.Unstructured, namespace string) []Backend {
	templates := podTemplates(objects, namespace)
	var backends []Backend
	for _, s := range services(objects, namespace) {
		if s.Spec.Type == corev1.ServiceTypeExternalName {
			if alias := s.Spec.ExternalName; !inCluster(alias) {
				reason := "it is an alias for " + alias + ", outside the cluster"
				backends = append(backends, Backend{Service: shortName(s, namespace), Namespace: s.Namespace, Name: s.Name, Headless: true, NotPromised: reason})
			}
			continue
		}
		b := Backend{
			Service: shortName(s, namespace), Namespace: s.Namespace, Name: s.Name,
			Headless: s.Spec.ClusterIP == corev1.ClusterIPNone, Selector: maps.Clone(labels.Set(s.Spec.Selector)),
		}
		delete(s.Spec.Selector, podName)
		for _, t := range templates.selectedBy(s) {
			b.Workloads = append(b.Workloads, t.workload)
		}
		if len(b.Workloads) == 0 {
			b.NotPromised = templates.notPromised(s)
		}
		backends = append(backends, b)
	}
	return backends
}

func inCluster(host string) bool {
	host = strings.TrimSuffix(host, ".")
	return strings.HasSuffix(host, ".svc") || strings.HasSuffix(host, "."+probe.DefaultDomain)
}

// notPromised explains a Service without a serving template, or returns "" if its
// selector is wrong: it has a label that workloads set to other values. Other labels
// may be set at run time, by a Job's controller, by an operator, or by the app itself
// on the pod of its leader.
func (ts templates) notPromised(service corev1.Service) string {
	if len(service.Spec.Selector) == 0 {
		return "it has no selector and no endpoints"
	}
	if matching := ts.matching(service.Spec.Selector, service.Namespace); len(matching) > 0 {
		return "no pod of " + matching[0].workload.String() + " is running"
	}
	var unknown []string
	known := labels.Set{}
	for key, value := range service.Spec.Selector {
		if slices.ContainsFunc(ts, func(t podTemplate) bool { return t.namespace == service.Namespace && t.labels.Has(key) }) {
			known[key] = value
		} else {
			unknown = append(unknown, key)
		}
	}
	if len(unknown) == 0 || len(known) > 0 && len(ts.matching(known, service.Namespace)) == 0 {
		return ""
	}
	slices.Sort(unknown)
	return fmt.Sprintf("no pod has the labels %s, and no workload of the chart sets %s",
		labels.FormatLabels(service.Spec.Selector), strings.Join(unknown, " or "))
}

// Without returns the checks that remove does not match, linked again.
func Without(all []probe.Check, remove func(probe.Check) bool) []probe.Check {
	return link(slices.DeleteFunc(slices.Clone(all), remove))
}

// services returns the Services that the API server would accept, with a namespace.
func services(objects []unstructured.Unstructured, namespace string) []corev1.Service {
	var found []corev1.Service
	for _, object := range objects {
		if object.GroupVersionKind().GroupKind() != corev1.SchemeGroupVersion.WithKind("Service").GroupKind() {
			continue
		}
		var service corev1.Service
		if runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &service) != nil {
			continue
		}
		if service.Namespace == "" {
			service.Namespace = namespace
		}
		found = append(found, service)
	}
	return found
}

// shortName returns the name that the release's pods use for the Service.
func shortName(service corev1.Service, namespace string) string {
	if service.Namespace == namespace {
		return service.Name
	}
	return service.Name + "." + service.Namespace
}
