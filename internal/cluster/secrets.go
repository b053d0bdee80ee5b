package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
)

// keepLabel selects Secrets that belong to data in volumes, such as database passwords.
const keepLabel = "tkdeploy.dev/keep=true"

// BackupSecrets copies the namespace's Secrets with the label
// tkdeploy.dev/keep=true to [Spec.StateDir] (0600).
func (c *Cluster) BackupSecrets(ctx context.Context, namespace string) error {
	if err := c.claim(); err != nil {
		return err
	}
	client, err := c.Client()
	if err != nil {
		return err
	}
	list, err := client.CoreV1().Secrets(namespace).List(ctx, metav1.ListOptions{LabelSelector: keepLabel})
	if err != nil {
		return fmt.Errorf("list Secrets to back up: %w", err)
	}
	for _, secret := range list.Items {
		text, err := json.Marshal(portable(secret))
		if err != nil {
			return fmt.Errorf("encode Secret %s: %w", secret.Name, err)
		}
		if err := writePrivate(c.secretPath(namespace, secret.Name), text); err != nil {
			return fmt.Errorf("back up Secret %s: %w", secret.Name, err)
		}
	}
	return nil
}

// RestoreSecrets creates the backed-up Secrets and their namespace. It does not
// change existing Secrets.
func (c *Cluster) RestoreSecrets(ctx context.Context, namespace string) error {
	if err := c.claim(); err != nil {
		return err
	}
	paths, err := filepath.Glob(c.secretPath(namespace, "*"))
	if err != nil || len(paths) == 0 {
		return err
	}
	client, err := c.Client()
	if err != nil {
		return err
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	if _, err := client.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create namespace %s: %w", namespace, err)
	}
	for _, path := range paths {
		secret, err := readSecret(path)
		if err != nil {
			return err
		}
		_, err = client.CoreV1().Secrets(namespace).Create(ctx, secret, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			// the API error may quote the Secret
			return fmt.Errorf("restore Secret %s: %s", secret.Name, apierrors.ReasonForError(err))
		}
	}
	return nil
}

func (c *Cluster) secretPath(namespace, name string) string {
	return filepath.Join(c.secretsDir(), namespace, name+".json")
}

func readSecret(path string) (*corev1.Secret, error) {
	text, err := files.Read(path, files.ConfigLimit)
	if err != nil {
		return nil, fault.New(fault.Environment, fmt.Errorf("read backup of Secret: %w", err), "")
	}
	var secret corev1.Secret
	if json.Unmarshal(text, &secret) != nil { // the error would quote the content
		return nil, errors.New("backup of Secret " + strings.TrimSuffix(filepath.Base(path), ".json") + " is damaged: " + path)
	}
	return &secret, nil
}

// portable drops cluster-specific fields but keeps Helm's ownership annotations, so
// the release can adopt the Secret.
func portable(s corev1.Secret) corev1.Secret {
	return corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Name: s.Name, Namespace: s.Namespace, Labels: s.Labels, Annotations: s.Annotations},
		Data:       s.Data,
		Type:       s.Type,
		Immutable:  s.Immutable,
	}
}
