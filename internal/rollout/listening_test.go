package rollout

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

func TestListening_connect(t *testing.T) {
	t.Parallel()
	status := func(reason, message string) string {
		return `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":` + message + `,"reason":"` + reason + `","code":0}`
	}
	for name, test := range map[string]struct {
		code int
		body string
		want bool
	}{
		"a page":                                {200, "hello", true},
		"a page that does not exist":            {404, "404 page not found", true},
		"a login":                               {401, `{"error":"no token"}`, true},
		"an error that may be the API server's": {500, "internal error", false},
		"an API server that is overloaded":      {429, "Too many requests", false},
		"a missing pod":                         {404, status("NotFound", `"pods \"web-a\" not found"`), false},
		"no access to the proxy":                {403, status("Forbidden", `"pods \"web-a\" is forbidden"`), false},
		"a refused connection":                  {503, status("ServiceUnavailable", `"error trying to reach service: dial tcp 10.0.0.1:8080: connect: connection refused"`), false},
		"a process that speaks no HTTP":         {503, status("ServiceUnavailable", `"error trying to reach service: net/http: HTTP/1.x transport connection broken: malformed HTTP response \"\\x00\""`), true},
		"a process that hangs up":               {503, status("ServiceUnavailable", `"error trying to reach service: EOF"`), true},
		"a pod whose connection timed out":      {503, status("ServiceUnavailable", `"error trying to reach service: dial tcp 10.0.0.1:8080: i/o timeout"`), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/api/v1/namespaces/shop/pods/http:web-a:8080/proxy" {
					t.Errorf("got path %s", r.URL.Path)
				}
				w.Header().Set("Content-Type", "text/plain")
				if strings.HasPrefix(test.body, "{") {
					w.Header().Set("Content-Type", "application/json")
				}
				w.WriteHeader(test.code)
				_, _ = io.WriteString(w, test.body)
			}))
			defer server.Close()
			client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			l := listening{client: client}
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-a", UID: "1"}}
			l.connect(t.Context(), pod, []corev1.ContainerPort{{ContainerPort: 8080}})
			if got := !l.since[pod.UID].IsZero(); got != test.want {
				t.Errorf("got listening %t, want %t", got, test.want)
			}
		})
	}
}
