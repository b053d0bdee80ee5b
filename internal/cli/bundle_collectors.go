package cli

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/doctor"
	"tkdeploy.dev/tkdeploy/internal/supportbundle"
)

// maskTime is how long the Secrets may take to be read before anything else is.
const maskTime = 5 * time.Second

// helmRecord is the type of the Secrets that hold Helm's own records. Their
// content is the manifests, compressed: it stands nowhere else.
const helmRecord corev1.SecretType = "helm.sh/release.v1"

// parts are the pieces of evidence that there can be, given what the cluster is.
// Nothing is asked of one that is not ours.
func (e *evidence) parts(ctx context.Context) []supportbundle.Collector {
	parts := []supportbundle.Collector{
		document("status", "status.json", "as of tkdeploy status --output json", e.Status),
		document("doctor", "doctor.json", "the engine and this machine, as of tkdeploy doctor --output json", e.doctor),
	}
	if kept := e.Cluster.FailedCreateLogs(); kept != "" {
		parts = append(parts, supportbundle.FailedCreateLogs(kept))
	}
	seen, err := e.Observe(ctx)
	switch {
	case err != nil:
		return append(parts, absent("the cluster", err))
	case seen.Phase == cluster.NotOwned, seen.Phase == cluster.Absent, seen.Phase == cluster.Stopped:
		return append(parts, absent("the cluster", fmt.Errorf("%s: %s", seen.Phase, seen.Reason)))
	}
	parts = append(parts, supportbundle.NodeLogs(e.nodes))
	kube, err := e.Kube()
	if err != nil {
		return append(parts, absent("what the API server knows", err))
	}
	e.bundle.Redact(e.masks(ctx, kube))
	parts = append(parts, document("history", "history.json", "the release's revisions, as of tkdeploy history --output json", e.History))
	return append(parts, supportbundle.Kubernetes(kube, e.Config.Chart.Namespace, supportbundle.Limits{})...)
}

// document is the part that is a command's JSON.
func document[T any](name, file, what string, ask func(context.Context) (T, error)) supportbundle.Collector {
	return supportbundle.Collector{Name: name, Collect: func(ctx context.Context, to *supportbundle.Writer) error {
		answer, err := ask(ctx)
		if err != nil {
			return err
		}
		return to.JSON(file, what, answer)
	}}
}

// absent is a part of which it is known that it cannot be had.
func absent(name string, why error) supportbundle.Collector {
	return supportbundle.Collector{Name: name, Collect: func(context.Context, *supportbundle.Writer) error { return why }}
}

// doctor gives up each check early: most of the time they take is a registry's.
func (e *evidence) doctor(ctx context.Context) (*doctor.Diagnosis, error) {
	return doctor.Run(ctx, e.Workspace, doctor.Timeout/2), nil
}

func (e *evidence) nodes(ctx context.Context) ([]supportbundle.Node, error) {
	found, err := e.Cluster.Nodes(ctx)
	var nodes []supportbundle.Node
	for _, node := range found {
		nodes = append(nodes, node)
	}
	return nodes, err
}

// masks masks the contents of all Secrets of the namespace and of the release's
// revisions.
func (e *evidence) masks(ctx context.Context, kube kubernetes.Interface) (func(string) string, error) {
	ctx, cancel := context.WithTimeout(ctx, maskTime)
	defer cancel()
	contents, err := secretContents(ctx, kube, e.Config.Chart.Namespace)
	if err != nil {
		return nil, err
	}
	client, err := e.OpenRelease()
	if err != nil {
		return nil, err
	}
	return client.Redactor(ctx, contents...)
}

func secretContents(ctx context.Context, kube kubernetes.Interface, namespace string) ([]string, error) {
	found, err := kube.CoreV1().Secrets(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list the Secrets: %w", err)
	}
	var contents []string
	for _, s := range found.Items {
		if s.Type == helmRecord {
			continue
		}
		for _, value := range s.Data {
			contents = append(contents, string(value))
		}
	}
	return contents, nil
}
