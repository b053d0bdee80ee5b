package mention

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestHost(t *testing.T) {
	t.Parallel()
	env := func(value string) corev1.Container { return corev1.Container{Env: []corev1.EnvVar{{Value: value}}} }
	for text, test := range map[string]struct {
		container corev1.Container
		want      bool
	}{
		"a URL":                       {env("http://db/path"), true},
		"a URL with credentials":      {env("postgres://shop:x@db:5432/shop"), true},
		"a host and port":             {env("kafka:9092,db:5432"), true},
		"a host alone":                {env("db"), true},
		"a full name":                 {env("db.shop.svc.cluster.local"), true},
		"a script":                    {corev1.Container{Command: []string{"sh", "-c", "wget -qO- http://db || exit 1"}}, true},
		"another host with the name":  {env("http://db-replica:5432"), false},
		"another domain":              {env("https://example.com/db"), false},
		"a subdomain":                 {env("http://db2.example.com"), false},
		"a word in a script":          {corev1.Container{Args: []string{"migrate", "db"}}, false},
		"the name in another's label": {env("prod.db:1"), false},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			if got := Host(corev1.PodSpec{Containers: []corev1.Container{test.container}}, "db"); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}

func TestPodSpec(t *testing.T) {
	t.Parallel()
	t.Run("returns that of a ReplicationController, which may have no template", func(t *testing.T) {
		t.Parallel()
		if got := PodSpec(&corev1.ReplicationController{}); len(got.Containers) > 0 {
			t.Errorf("got %+v, want no containers", got)
		}
		template := &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web"}}}}
		if got := PodSpec(&corev1.ReplicationController{Spec: corev1.ReplicationControllerSpec{Template: template}}); len(got.Containers) != 1 {
			t.Errorf("got %+v, want the container", got)
		}
	})
}
