package podstest

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	k8stesting "k8s.io/client-go/testing"
)

// Dynamic returns a dynamic client for client's objects. Created objects get
// the UID "uid-of-<name>".
func Dynamic(client *fake.Clientset) dynamic.Interface {
	d := dynamicfake.NewSimpleDynamicClient(scheme.Scheme)
	d.PrependReactor("*", "*", func(action k8stesting.Action) (bool, runtime.Object, error) {
		var typed runtime.Object = &corev1.Pod{}
		if create, ok := action.(k8stesting.CreateAction); ok {
			content := create.GetObject().(*unstructured.Unstructured)
			typed, _ = scheme.Scheme.New(content.GroupVersionKind())
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content.Object, typed); err != nil {
				return true, nil, err
			}
			named, _ := meta.Accessor(typed)
			named.SetUID(types.UID("uid-of-" + named.GetName()))
			action = k8stesting.NewCreateAction(action.GetResource(), action.GetNamespace(), typed)
		}
		object, err := client.Invokes(action, typed)
		if err != nil || object == nil {
			return true, nil, err
		}
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
		return true, &unstructured.Unstructured{Object: content}, err
	})
	return d
}
