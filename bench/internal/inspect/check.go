package inspect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tkdeploy.dev/tkdeploy/bench/internal/fixture"
)

// Check fails unless workloads are available and up to date, images have the engine's
// layers, the value is set, and services respond as expected.
func (c *Cluster) Check(ctx context.Context, want fixture.Want) error {
	if err := c.checkWorkloads(ctx, want.Workloads); err != nil {
		return err
	}
	pods, err := c.pods(ctx)
	if err != nil {
		return err
	}
	pods = slices.DeleteFunc(pods, func(p corev1.Pod) bool { return p.DeletionTimestamp != nil || workloadOf(p) == "" })
	return errors.Join(c.checkLayers(ctx, imagesOf(pods)), c.checkValue(ctx, pods, want), c.checkResponses(ctx, want))
}

func (c *Cluster) checkWorkloads(ctx context.Context, names []string) error {
	deployments, err := c.kube.AppsV1().Deployments(c.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list Deployments: %w", err)
	}
	sets, err := c.kube.AppsV1().StatefulSets(c.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list StatefulSets: %w", err)
	}
	missing := slices.Clone(names)
	var problems []error
	for _, d := range deployments.Items {
		missing = slices.DeleteFunc(missing, func(name string) bool { return name == d.Name })
		s, replicas := d.Status, *d.Spec.Replicas
		if s.ObservedGeneration != d.Generation || s.UpdatedReplicas != replicas || s.AvailableReplicas < replicas {
			problems = append(problems, fmt.Errorf("deployment %s: %d updated, %d available of %d", d.Name, s.UpdatedReplicas, s.AvailableReplicas, replicas))
		}
	}
	for _, d := range sets.Items {
		s, replicas := d.Status, *d.Spec.Replicas
		if s.ObservedGeneration != d.Generation || s.UpdatedReplicas != replicas || s.AvailableReplicas < replicas {
			problems = append(problems, fmt.Errorf("stateful set %s: %d updated, %d available of %d", d.Name, s.UpdatedReplicas, s.AvailableReplicas, replicas))
		}
	}
	if len(missing) > 0 {
		problems = append(problems, fmt.Errorf("deployment not found: %s", strings.Join(missing, ", ")))
	}
	return errors.Join(problems...)
}

func imagesOf(pods []corev1.Pod) map[string]string {
	images := map[string]string{}
	for _, pod := range pods {
		for _, container := range pod.Spec.Containers {
			for _, status := range pod.Status.ContainerStatuses {
				if status.Name == container.Name {
					images[container.Image] = status.ImageID
				}
			}
		}
	}
	return images
}

func (c *Cluster) checkValue(ctx context.Context, pods []corev1.Pod, want fixture.Want) error {
	if want.Value == "" {
		return nil
	}
	for _, pod := range pods {
		if workloadOf(pod) != want.Changed {
			continue
		}
		value, err := c.envValue(ctx, pod.Spec.Containers[0], want.Variable)
		if err == nil && value != want.Value {
			err = fmt.Errorf("pod %s has %s=%q, want %q", pod.Name, want.Variable, value, want.Value)
		}
		return err
	}
	return fmt.Errorf("workload %s has no pod", want.Changed)
}

func (c *Cluster) envValue(ctx context.Context, container corev1.Container, name string) (value string, err error) {
	for _, from := range container.EnvFrom {
		if from.ConfigMapRef == nil {
			continue
		}
		config, err := c.kube.CoreV1().ConfigMaps(c.namespace).Get(ctx, from.ConfigMapRef.Name, metav1.GetOptions{})
		if err != nil {
			return "", fmt.Errorf("read ConfigMap %s: %w", from.ConfigMapRef.Name, err)
		}
		if text, found := config.Data[name]; found {
			value = text
		}
	}
	for _, variable := range container.Env {
		if variable.Name == name {
			value = variable.Value
		}
	}
	return value, nil
}

func (c *Cluster) checkResponses(ctx context.Context, want fixture.Want) error {
	var problems []error
	for name, text := range want.Responses {
		response, err := c.kube.CoreV1().Services(c.namespace).ProxyGet("http", name, want.Port, want.Path, nil).DoRaw(ctx)
		if err != nil {
			problems = append(problems, fmt.Errorf("request %s: %w", name, err))
		} else if got := strings.TrimSpace(string(response)); got != text && !strings.HasPrefix(got, text+" ") {
			problems = append(problems, fmt.Errorf("service %s responds with %q, want %q", name, got, text))
		}
	}
	return errors.Join(problems...)
}
