package pods

import (
	"errors"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestIsTransient(t *testing.T) {
	t.Parallel()
	resource := schema.GroupResource{Resource: "pods"}
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"connection refused": {errors.New("connection refused"), true},
		"internal error":     {apierrors.NewInternalError(errors.New("etcd")), true},
		"conflict":           {apierrors.NewConflict(resource, "web", errors.New("changed")), true},
		"not found":          {apierrors.NewNotFound(resource, "web"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := IsTransient(test.err); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}
