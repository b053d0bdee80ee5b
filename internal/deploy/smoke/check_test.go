package smoke

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/config"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

func TestChecks(t *testing.T) {
	t.Parallel()
	t.Run("sends the user and password of the URL", func(t *testing.T) {
		t.Parallel()
		got, err := Checks([]config.Check{{Name: "admin", URL: "http://a:p%40ss@web:8080/admin?full=1", Status: 200, Contains: "hello"}})
		if err != nil {
			t.Fatal(err)
		}
		want := []probe.Check{{
			ID: "admin", Kind: probe.HTTP, Target: probe.Target{Host: "web", Port: 8080, Scheme: "http", Path: "/admin?full=1"},
			Headers: http.Header{"Authorization": {"Basic YTpwQHNz"}}, Expect: probe.Expect{Status: 200, Contains: "hello"},
		}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})

	t.Run("masks the password in an error", func(t *testing.T) {
		t.Parallel()
		for _, url := range []string{"postgres://app:hunter2@db:5432/", "http://app:hunter2@db:port/", "http://app:hunter2%zz@db/"} {
			if _, err := Checks([]config.Check{{Name: "db", URL: url}}); err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: got error %v, want one without the password", url, err)
			}
		}
	})
}
