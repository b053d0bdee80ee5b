// Package secrets copies the Secrets that belong to the data of volumes, such as
// database passwords, so that they outlive the cluster.
package secrets

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
	"tkdeploy.dev/tkdeploy/internal/kubeerr"
)

// label selects the Secrets.
const label = "tkdeploy.dev/keep=true"

const suffix = ".json"

// sizeLimit bounds a copy. A Secret has at most 1 MiB, a third more in base64.
const sizeLimit = 4 << 20

// Store is a directory of copies, named <namespace>/<name>.json.
type Store struct{ Dir string }

// Mirror makes the copies equal to the labeled Secrets of the namespace and removes
// those of Secrets that no longer exist. A new cluster must get its Secrets from
// [Store.Restore] first. Errors have class [fault.Inconclusive] if the API server is
// unavailable.
func (s Store) Mirror(ctx context.Context, client kubernetes.Interface, namespace string) error {
	names, err := s.save(ctx, client, namespace)
	if err != nil {
		return err
	}
	copies, err := s.list(namespace)
	for _, name := range copies {
		if err == nil && !names[namespace+"/"+name] {
			err = os.Remove(s.path(namespace, name))
		}
	}
	if err != nil {
		return fmt.Errorf("remove the copies of deleted Secrets: %w", err)
	}
	return nil
}

// Save copies the labeled Secrets of all namespaces. It removes no copy, because an
// interrupted run may not have restored all of them. Errors have class
// [fault.Inconclusive] if the API server is unavailable.
func (s Store) Save(ctx context.Context, client kubernetes.Interface) error {
	_, err := s.save(ctx, client, metav1.NamespaceAll)
	return err
}

// save returns the saved Secrets as <namespace>/<name>.
func (s Store) save(ctx context.Context, client kubernetes.Interface, namespace string) (map[string]bool, error) {
	list, err := client.CoreV1().Secrets(namespace).List(ctx, metav1.ListOptions{LabelSelector: label})
	if err != nil {
		return nil, apiError(fmt.Errorf("list the Secrets to save: %w", err))
	}
	names := map[string]bool{}
	for _, secret := range list.Items {
		text, err := json.Marshal(portable(secret))
		if err != nil {
			return nil, fmt.Errorf("encode Secret %s: %w", secret.Name, err)
		}
		path := s.path(secret.Namespace, secret.Name)
		if current, err := files.Read(path, sizeLimit); err != nil || !bytes.Equal(current, text) {
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), files.Write(path, text, 0o600)); err != nil {
				return nil, fmt.Errorf("save Secret %s: %w", secret.Name, err)
			}
		}
		names[secret.Namespace+"/"+secret.Name] = true
	}
	return names, nil
}

// list returns the names of the copies in a namespace.
func (s Store) list(namespace string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(s.Dir, namespace))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), suffix); ok && !strings.HasPrefix(name, ".") {
			names = append(names, name)
		}
	}
	return names, err
}

func (s Store) path(namespace, name string) string {
	return filepath.Join(s.Dir, namespace, name+suffix)
}

func (s Store) read(namespace, name string) (*corev1.Secret, error) {
	path := s.path(namespace, name)
	text, err := files.Read(path, sizeLimit)
	if err != nil {
		return nil, fault.New(fault.Environment, fmt.Errorf("read the copy of Secret %s: %w", name, err), "")
	}
	var secret corev1.Secret
	if json.Unmarshal(text, &secret) != nil { // the error would quote the content
		return nil, fmt.Errorf("the copy of Secret %s is damaged: %s", name, path)
	}
	return &secret, nil
}

// portable drops cluster-specific fields but keeps the labels and annotations.
func portable(s corev1.Secret) corev1.Secret {
	return corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Name: s.Name, Namespace: s.Namespace, Labels: s.Labels, Annotations: s.Annotations},
		Data:       s.Data,
		Type:       s.Type,
		Immutable:  s.Immutable,
	}
}

func apiError(err error) error {
	if kubeerr.IsTransient(err) {
		return fault.Default(fault.Inconclusive, err)
	}
	return err
}
