package secrets

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"tkdeploy.dev/tkdeploy/internal/kubeerr"
)

// Marks of an object that Helm owns (helm.sh/helm pkg/action/validate.go).
const (
	managedBy        = "app.kubernetes.io/managed-by"
	releaseName      = "meta.helm.sh/release-name"
	releaseNamespace = "meta.helm.sh/release-namespace"
)

// Release is the release that is about to be installed.
type Release struct {
	Namespace, Name string

	// Secrets returns the names of the Secrets in its manifest. It is called only if
	// there are copies.
	Secrets func() ([]string, error)
}

// Restore creates the copied Secrets of the release's namespace, and the namespace.
// It does not change existing Secrets. Those in the release's manifest get its name
// as their owner, because Helm rejects those of another release. Those that the
// release owned, but that its manifest no longer has, are not restored.
//
// Errors have class [fault.Inconclusive] if the API server is unavailable.
func (s Store) Restore(ctx context.Context, client kubernetes.Interface, r Release) error {
	names, err := s.list(r.Namespace)
	if err != nil {
		return fmt.Errorf("list the copies of Secrets: %w", err)
	}
	if len(names) == 0 {
		return nil
	}
	rendered, err := r.Secrets()
	if err != nil {
		return err
	}
	var restored []*corev1.Secret
	for _, name := range names {
		secret, err := s.read(r.Namespace, name)
		if err != nil {
			return err
		}
		if r.adopt(secret, rendered) {
			restored = append(restored, secret)
		}
	}
	if len(restored) == 0 {
		return nil
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: r.Namespace}}
	if _, err := client.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return apiError(fmt.Errorf("create namespace %s: %w", r.Namespace, err))
	}
	for _, secret := range restored {
		_, err = client.CoreV1().Secrets(r.Namespace).Create(ctx, secret, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return restoreError(secret.Name, err)
		}
	}
	return nil
}

// restoreError omits the API server's message, which may quote the Secret.
func restoreError(name string, err error) error {
	if !kubeerr.IsResponse(err) {
		return apiError(fmt.Errorf("restore Secret %s: %w", name, err))
	}
	reason := fmt.Errorf("restore Secret %s: %s", name, apierrors.ReasonForError(err))
	if kubeerr.IsTransient(err) {
		return apiError(reason)
	}
	return reason
}

// adopt reports whether to restore the Secret, and makes the release its owner if its
// manifest has it.
func (r Release) adopt(secret *corev1.Secret, rendered []string) bool {
	if !slices.Contains(rendered, secret.Name) {
		return secret.Annotations[releaseName] != r.Name
	}
	metav1.SetMetaDataLabel(&secret.ObjectMeta, managedBy, "Helm")
	metav1.SetMetaDataAnnotation(&secret.ObjectMeta, releaseName, r.Name)
	metav1.SetMetaDataAnnotation(&secret.ObjectMeta, releaseNamespace, r.Namespace)
	return true
}
