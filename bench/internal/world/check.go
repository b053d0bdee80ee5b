package world

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

// Check fails unless the app runs as it is wanted: every workload is available
// in its newest form, every container's image has the very layers that the
// engine has under its name, the value is set, and the services tell what is in
// their sources.
func (c *Cluster) Check(ctx context.Context, want fixture.Want) error {
	if err := c.available(ctx, want.Workloads); err != nil {
		return err
	}
	pods, err := c.pods(ctx)
	if err != nil {
		return err
	}
	pods = slices.DeleteFunc(pods, func(p corev1.Pod) bool { return p.DeletionTimestamp != nil || owner(p) == "" })
	return errors.Join(c.contents(ctx, imagesOf(pods)), c.checkValue(ctx, pods, want), c.answers(ctx, want))
}

func (c *Cluster) available(ctx context.Context, names []string) error {
	deployments, err := c.kube.AppsV1().Deployments(c.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list the Deployments: %w", err)
	}
	sets, err := c.kube.AppsV1().StatefulSets(c.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list the StatefulSets: %w", err)
	}
	missing := slices.Clone(names)
	var problems []error
	for _, d := range deployments.Items {
		missing = slices.DeleteFunc(missing, func(name string) bool { return name == d.Name })
		s, wanted := d.Status, *d.Spec.Replicas
		if s.ObservedGeneration != d.Generation || s.UpdatedReplicas != wanted || s.AvailableReplicas < wanted {
			problems = append(problems, fmt.Errorf("deployment %s: %d updated, %d available of %d", d.Name, s.UpdatedReplicas, s.AvailableReplicas, wanted))
		}
	}
	for _, d := range sets.Items {
		s, wanted := d.Status, *d.Spec.Replicas
		if s.ObservedGeneration != d.Generation || s.UpdatedReplicas != wanted || s.AvailableReplicas < wanted {
			problems = append(problems, fmt.Errorf("stateful set %s: %d updated, %d available of %d", d.Name, s.UpdatedReplicas, s.AvailableReplicas, wanted))
		}
	}
	if len(missing) > 0 {
		problems = append(problems, fmt.Errorf("no Deployment %s", strings.Join(missing, ", ")))
	}
	return errors.Join(problems...)
}

// imagesOf are the images that the pods run, by reference: what the kubelet says
// is behind it.
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
		if owner(pod) != want.Changed {
			continue
		}
		value, err := c.variable(ctx, pod.Spec.Containers[0], want.Variable)
		if err == nil && value != want.Value {
			err = fmt.Errorf("pod %s has not %s=%s", pod.Name, want.Variable, want.Value)
		}
		return err
	}
	return fmt.Errorf("%s has no pod", want.Changed)
}

// variable is the value of a container's variable, its own or that of a ConfigMap;
// "" if it has none.
func (c *Cluster) variable(ctx context.Context, container corev1.Container, name string) (value string, err error) {
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

func (c *Cluster) answers(ctx context.Context, want fixture.Want) error {
	var problems []error
	for name, text := range want.Answers {
		answer, err := c.kube.CoreV1().Services(c.namespace).ProxyGet("http", name, want.Port, want.Path, nil).DoRaw(ctx)
		if err != nil {
			problems = append(problems, fmt.Errorf("ask %s: %w", name, err))
		} else if said := strings.TrimSpace(string(answer)); said != text && !strings.HasPrefix(said, text+" ") {
			problems = append(problems, fmt.Errorf("%s tells %q, its source %q", name, said, text))
		}
	}
	return errors.Join(problems...)
}
