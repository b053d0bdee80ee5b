package cluster

import (
	"context"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// volumePath names volumes after their claims, which find their data again in a new
// cluster.
const volumePath = "{{ .PVC.Namespace }}/{{ .PVC.Name }}"

// markCreating marks the cluster as incomplete until [Cluster.markReady]. It writes
// a file, because after an interrupted create the API server may be down or seem
// healthy.
func (c *Cluster) markCreating() error {
	return c.write(c.creatingFile(), nil)
}

// markReady sets up storage and DNS, then marks the cluster as complete.
func (c *Cluster) markReady(ctx context.Context) error {
	client, err := c.Client()
	if err != nil {
		return err
	}
	if err := setVolumePath(ctx, client); err != nil {
		return fmt.Errorf("cluster %s: set up the storage class: %w", c.Name, err)
	}
	if err := tuneCoreDNS(ctx, client); err != nil {
		return fmt.Errorf("cluster %s: set up CoreDNS: %w", c.Name, err)
	}
	marker := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: markerName},
		Data:       map[string]string{"owner": c.owner(), "spec": c.hash()},
	}
	if _, err := client.CoreV1().ConfigMaps(metav1.NamespaceSystem).Create(ctx, marker, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("mark cluster %s as created: %w", c.Name, err)
	}
	return os.Remove(c.creatingFile())
}

// setVolumePath recreates kind's storage classes, because they are immutable. No
// claim uses them yet.
func setVolumePath(ctx context.Context, client kubernetes.Interface) error {
	classes := client.StorageV1().StorageClasses()
	list, err := classes.List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, class := range list.Items {
		if class.Provisioner != "rancher.io/local-path" {
			continue
		}
		if err := classes.Delete(ctx, class.Name, metav1.DeleteOptions{}); err != nil {
			return err
		}
		if _, err := classes.Create(ctx, withVolumePath(class), metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	return nil
}

func withVolumePath(old storagev1.StorageClass) *storagev1.StorageClass {
	class := old.DeepCopy()
	class.ObjectMeta = metav1.ObjectMeta{Name: old.Name, Labels: old.Labels, Annotations: old.Annotations}
	class.Parameters = map[string]string{"pathPattern": volumePath}
	return class
}

// tuneCoreDNS shortens CoreDNS's readiness period from 10 s to 1 s. Pods of a new
// cluster cannot resolve names until it is ready.
func tuneCoreDNS(ctx context.Context, client kubernetes.Interface) error {
	const patch = `{"spec":{"template":{"spec":{"containers":[{"name":"coredns","readinessProbe":{"periodSeconds":1}}]}}}}`
	_, err := client.AppsV1().Deployments(metav1.NamespaceSystem).Patch(ctx, "coredns", types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{})
	if apierrors.IsNotFound(err) {
		return nil // the node image has another DNS server
	}
	return err
}
