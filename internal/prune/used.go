package prune

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/images/prune"
	"tkdeploy.dev/tkdeploy/internal/release"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// readTimeout bounds the reads from one cluster.
const readTimeout = 15 * time.Second

// usedImages returns the images of all pods and of all revisions of all releases in
// the cluster, also of environments that the configuration does not name.
func usedImages(ctx context.Context, s *deploy.Session, found prune.Cluster) ([]string, error) {
	config, err := clusterOf(s.Workspace, found.Name, found.StateDir, found.Owner).RESTConfig()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	nodes, err := kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, errors.New(text.OneLine(err.Error()))
	}
	for _, n := range nodes.Items {
		if !strings.HasPrefix(n.Spec.ProviderID, "kind://docker/"+found.Name+"/") {
			return nil, fmt.Errorf("its kubeconfig leads to another cluster, with node %s", n.Name)
		}
	}
	return imagesIn(ctx, config, kube)
}

func imagesIn(ctx context.Context, config *rest.Config, kube kubernetes.Interface) ([]string, error) {
	var used []string
	pods, err := kube.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, pod := range pods.Items {
		for _, container := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
			used = append(used, container.Image)
		}
	}
	records, err := kube.CoreV1().Secrets("").List(ctx, metav1.ListOptions{LabelSelector: "owner=helm"})
	if err != nil {
		return nil, err
	}
	read := map[release.Target]bool{}
	for _, record := range records.Items {
		target := release.Target{Config: config, Namespace: record.Namespace, Name: record.Labels["name"]}
		if read[target] {
			continue
		}
		read[target] = true
		client, err := release.Open(target, release.Options{})
		if err != nil {
			return nil, err
		}
		revisions, err := client.History(ctx)
		if err != nil {
			return nil, err
		}
		for _, revision := range revisions {
			used = append(used, revision.Images...)
		}
	}
	return used, nil
}
