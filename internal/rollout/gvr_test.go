package rollout

import (
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

var (
	podsGVR        = corev1.SchemeGroupVersion.WithResource("pods")
	deploymentsGVR = appsv1.SchemeGroupVersion.WithResource("deployments")
	replicaSetsGVR = appsv1.SchemeGroupVersion.WithResource("replicasets")
	jobsGVR        = batchv1.SchemeGroupVersion.WithResource("jobs")
)

func port(n int) intstr.IntOrString { return intstr.FromInt(n) }
