package chart_test

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/scheme"
)

// cluster is a fake cluster for the template function lookup.
type cluster struct{ dynamic.Interface }

// clusterWith adds the Secret tiktok-db-secrets unless data is nil.
func clusterWith(data map[string][]byte) *cluster {
	if data == nil {
		return &cluster{fake.NewSimpleDynamicClient(scheme.Scheme)}
	}
	return &cluster{fake.NewSimpleDynamicClient(scheme.Scheme, &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "tiktok-db-secrets"},
		Data:       data,
	})}
}

// GetClientFor implements engine.ClientProvider. The chart looks up only Secrets.
func (c *cluster) GetClientFor(string, string) (dynamic.NamespaceableResourceInterface, bool, error) {
	return c.Resource(schema.GroupVersionResource{Version: "v1", Resource: "secrets"}), true, nil
}

// renderIn renders the stack for a cluster whose Secret has the data.
func renderIn(t *testing.T, data map[string][]byte, set ...string) stack {
	t.Helper()
	return rendering{set: slices.Concat(built, set), cluster: clusterWith(data)}.stack(t)
}
