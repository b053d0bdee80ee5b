package secrets

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files/filestest"
)

func newStore(t *testing.T) Store {
	t.Helper()
	// A glob pattern would not match this directory.
	return Store{filepath.Join(t.TempDir(), "shop[1]", "secrets")}
}

// secret returns a kept Secret of a release, or of none.
func secret(namespace, name, password, release string) *corev1.Secret {
	s := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace, UID: "1", ResourceVersion: "9", Labels: map[string]string{"tkdeploy.dev/keep": "true"}},
		Data:       map[string][]byte{"PASSWORD": []byte(password)},
	}
	if release != "" {
		s.Annotations = map[string]string{releaseName: release, releaseNamespace: namespace}
	}
	return s
}

func copies(t *testing.T, s Store) []string {
	t.Helper()
	var found []string
	if err := filepath.WalkDir(s.Dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(s.Dir, path)
			found = append(found, name)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestStore_Mirror(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	other := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "helm", Namespace: "shop"}}
	client := fake.NewClientset(secret("shop", "db", "s3cret", "shop"), secret("shop", "old", "x", "shop"), secret("blog", "db", "x", "blog"), other)
	if err := s.Mirror(t.Context(), client, "shop"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"shop/db.json", "shop/old.json"}, copies(t, s)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := client.CoreV1().Secrets("shop").Delete(t.Context(), "old", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(s.path("shop", "db"))
	if err != nil || before.Mode().Perm() != 0o600 {
		t.Fatalf("got %v, %v, want mode 0600", before, err)
	}
	if err := s.Mirror(t.Context(), client, "shop"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"shop/db.json"}, copies(t, s)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if after, err := os.Stat(s.path("shop", "db")); err != nil || !os.SameFile(before, after) {
		t.Errorf("got a new copy of an unchanged Secret, %v", err)
	}
}

func TestStore_Save(t *testing.T) {
	t.Parallel()
	t.Run("copies all namespaces and keeps what was not restored", func(t *testing.T) {
		t.Parallel()
		s := newStore(t)
		if err := s.Mirror(t.Context(), fake.NewClientset(secret("shop", "db", "s3cret", "shop")), "shop"); err != nil {
			t.Fatal(err)
		}
		if err := s.Save(t.Context(), fake.NewClientset(secret("shop", "cache", "x", "shop"), secret("blog", "db", "x", "blog"))); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"blog/db.json", "shop/cache.json", "shop/db.json"}, copies(t, s)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})

	for name, test := range map[string]struct {
		err   error
		class fault.Class
	}{
		"is inconclusive without an API server": {errors.New("connection refused"), fault.Inconclusive},
		"fails if it may not read Secrets":      {apierrors.NewForbidden(corev1.Resource("secrets"), "", nil), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := fake.NewClientset()
			client.PrependReactor("list", "secrets", func(k8stesting.Action) (bool, runtime.Object, error) { return true, nil, test.err })
			if err := newStore(t).Save(t.Context(), client); !errors.Is(err, test.err) || fault.ClassOf(err) != test.class {
				t.Errorf("got %v of class %q, want %v of class %q", err, fault.ClassOf(err), test.err, test.class)
			}
		})
	}
}

func TestStore_Restore(t *testing.T) {
	t.Parallel()
	shop := Release{Namespace: "shop", Name: "shop", Secrets: func() ([]string, error) { return []string{"db"}, nil }}
	for name, test := range map[string]struct {
		saved    *corev1.Secret
		live     []runtime.Object
		password string // of the restored Secret; "" means that it does not exist
		owner    string
	}{
		"restores a Secret of the release":             {saved: secret("shop", "db", "s3cret", "shop"), password: "s3cret", owner: "shop"},
		"adopts a Secret after the release is renamed": {saved: secret("shop", "db", "s3cret", "old"), password: "s3cret", owner: "shop"},
		"adopts a Secret without an owner":             {saved: secret("shop", "db", "s3cret", ""), password: "s3cret", owner: "shop"},
		"restores a Secret of another release":         {saved: secret("shop", "cache", "x", "infra"), password: "x", owner: "infra"},
		"restores a Secret of an operator":             {saved: secret("shop", "cache", "x", ""), password: "x"},
		"forgets a Secret that the chart has dropped":  {saved: secret("shop", "cache", "x", "shop")},
		"keeps an existing Secret":                     {saved: secret("shop", "db", "old", "shop"), live: []runtime.Object{secret("shop", "db", "new", "shop")}, password: "new", owner: "shop"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			if err := s.Mirror(t.Context(), fake.NewClientset(test.saved), "shop"); err != nil {
				t.Fatal(err)
			}
			client := fake.NewClientset(test.live...)
			if err := s.Restore(t.Context(), client, shop); err != nil {
				t.Fatal(err)
			}
			got, err := client.CoreV1().Secrets("shop").Get(t.Context(), test.saved.Name, metav1.GetOptions{})
			if test.password == "" {
				if !apierrors.IsNotFound(err) {
					t.Errorf("got %v, %v, want no Secret", got, err)
				}
				return
			}
			if err != nil || string(got.Data["PASSWORD"]) != test.password || got.Annotations[releaseName] != test.owner {
				t.Errorf("got %v, %v, want password %s and owner %q", got, err, test.password, test.owner)
			}
			if test.live == nil && got.UID != "" {
				t.Errorf("got UID %s, want none", got.UID)
			}
		})
	}

	t.Run("rejects a copy that no program may read", func(t *testing.T) {
		t.Parallel()
		s := newStore(t)
		path := s.path("shop", "db")
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		filestest.CheckRefused(t, path, func() error {
			err := s.Restore(t.Context(), fake.NewClientset(), shop)
			if fault.ClassOf(err) != fault.Environment {
				t.Errorf("got %v of class %q, want class %q", err, fault.ClassOf(err), fault.Environment)
			}
			return err
		})
	})

	t.Run("does not print a damaged copy", func(t *testing.T) {
		t.Parallel()
		s := newStore(t)
		path := s.path("shop", "db")
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(`{"data": s3cret`), 0o600)); err != nil {
			t.Fatal(err)
		}
		err := s.Restore(t.Context(), fake.NewClientset(), shop)
		if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "copy of Secret db is damaged") {
			t.Errorf("got %v, want a damaged copy of Secret db without its content", err)
		}
	})

	for name, test := range map[string]struct {
		err   error
		class fault.Class
	}{
		"is inconclusive without an API server": {errors.New("connection refused"), fault.Inconclusive},
		"is inconclusive if it is overloaded":   {apierrors.NewTooManyRequests("s3cret", 1), fault.Inconclusive},
		"does not print a rejected Secret":      {apierrors.NewBadRequest("s3cret"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			if err := s.Mirror(t.Context(), fake.NewClientset(secret("shop", "db", "s3cret", "shop")), "shop"); err != nil {
				t.Fatal(err)
			}
			client := fake.NewClientset()
			client.PrependReactor("create", "secrets", func(k8stesting.Action) (bool, runtime.Object, error) { return true, nil, test.err })
			err := s.Restore(t.Context(), client, shop)
			if err == nil || fault.ClassOf(err) != test.class || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("got %v of class %q, want an error of class %q without the Secret", err, fault.ClassOf(err), test.class)
			}
		})
	}
}
