package requestid_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tkdeploy.dev/tiktok/internal/requestid"
)

func TestHTTP(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, sent string
		kept       bool
	}{
		{"a caller's id is kept", "3f2c.a-b_c", true},
		{"without an id there is a new one", "", false},
		{"an id that could forge a log line is replaced", `x","level":"ERROR`, false},
		{"an id that is too long is replaced", strings.Repeat("x", 65), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var inside string
			handler := requestid.HTTP(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				inside = requestid.From(r.Context())
			}))
			request := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
			request.Header.Set(requestid.Header, test.sent)
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, request)
			if inside == "" || answer.Header().Get(requestid.Header) != inside {
				t.Errorf("the handler saw %q, the caller %q", inside, answer.Header().Get(requestid.Header))
			}
			if (inside == test.sent) != test.kept {
				t.Errorf("sent %q, got %q", test.sent, inside)
			}
		})
	}
}
